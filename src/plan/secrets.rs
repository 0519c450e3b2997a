//! Secrets in files of their own: `FIELD=file:PATH` in an `entry` line.

use std::io;
use std::path::Path;

use super::sources::Sources;
use crate::base::capacity::MAX_VALUE;
use crate::base::diagnostic::{Blame, Errors};
use crate::base::escape::Escaped;
use crate::base::hex;
use crate::config::{EBPF, folder_of};
use crate::corefile::Corefile;
use crate::encode::SecretWords;

/// Replaces each `file:PATH` of a secret by the bytes in the file. Relative paths in the Corefile itself start at `folder`.
/// Returns false after an error.
pub(super) fn read(
    corefile: &mut Corefile,
    folder: &Path,
    sources: &mut Sources,
    errors: &mut Errors,
) -> bool {
    let mut found = Vec::new();
    let mut is_complete = true;
    for block in corefile.blocks() {
        for directive in block.directives.iter().filter(|one| one.name == EBPF) {
            let mut words = SecretWords::default();
            for &token in &directive.tokens {
                let Some(field) = words.next(corefile, token) else {
                    continue;
                };
                let value = corefile.text(token).get(field.len()..);
                let path = value.and_then(|value| value.strip_prefix("file:"));
                let is_field = words.directive == "entry" && !field.is_empty();
                let Some(path) = path.filter(|_| is_field) else {
                    continue;
                };
                let path = folder_of(token, corefile, folder).join(path);
                match secret(&path, sources) {
                    Ok(digits) => found.push((token, [field, "0x", &digits].concat())),
                    Err(message) => {
                        let shown = path.to_string_lossy();
                        let message = format!("{}: {message}", Escaped(&shown));
                        errors.push(corefile.diagnostic(token, "entry", message, Blame::Input));
                        is_complete = false;
                    }
                }
            }
        }
    }
    corefile.rewrite(&found);
    is_complete
}

/// The hexadecimal digits in the file of a secret.
fn secret(path: &Path, sources: &mut Sources) -> Result<String, String> {
    let bytes = sources.secret(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => {
            "others may access the secret; run `chown root` and `chmod 600` for this file".into()
        }
        _ => format!("cannot be read: {error}"),
    })?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let text = text.strip_suffix('\n').unwrap_or(text);
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if hex::measure(digits, None, MAX_VALUE).is_ok() {
        return Ok(digits.into());
    }
    Err("not a secret; write hexadecimal digits, two for each byte, in one line".into())
}
