//! Secrets: values of maps and members that are never printed.

use std::ops::Range;

use super::Encoder;
use crate::corefile::{Corefile, Token};
use crate::object::{Layout, MapDef};

/// The text in place of a secret.
pub const SECRET: &str = "(secret)";

/// True for the name of a map whose values are secret, and for the path of a secret member.
pub fn is_secret(path: &str) -> bool {
    path.split('.').any(|name| name.starts_with("secret"))
}

/// The start of a word up to its first `=`: a message about a misplaced word quotes no secret.
pub fn field_of(word: &str) -> &str {
    word.split_inclusive('=').next().unwrap_or(word)
}

/// True if a word is a key and no secret: an index of at most 10 characters, an address or a domain name.
fn is_key(word: &str) -> bool {
    !word.contains('=') && (word.len() <= 10 || word.contains(['.', ':']))
}

/// The bytes of a value that are secret.
pub(super) fn secrets(map: &MapDef, value: Option<&Layout>) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    if is_secret(&map.name) {
        secrets.push(0..map.value_size as usize);
    } else if let Some(layout) = value {
        layout.walk_all("value", &mut |part| {
            let is_secret = is_secret(part.path);
            if is_secret {
                let (start, size) = (part.offset as usize, layout.shape(part.shape).size);
                secrets.push(start..start.saturating_add(size as usize));
            }
            !is_secret && layout.has_members(part.shape)
        });
    }
    secrets
}

/// Finds the secrets in the lines of an `ebpf` block by their words alone. Takes the words one by one.
#[derive(Default)]
pub struct SecretWords<'a> {
    last: Option<Token>,
    /// The first word of the line.
    pub directive: &'a str,
    /// Number of words after `@MAP`, if the values of the map are secret.
    of_secrets: Option<u32>,
}

impl<'a> SecretWords<'a> {
    /// The part of the next word before a secret: `FIELD=`, or nothing if the whole word may be a secret. `None` for a word
    /// without secret.
    pub fn next(&mut self, corefile: &'a Corefile, word: Token) -> Option<&'a str> {
        let text = corefile.text(word);
        let continues = |last| corefile.is_same_line(last, word);
        if !self.last.is_some_and(continues) {
            self.directive = text;
            self.of_secrets = None;
        }
        self.last = Some(word);
        let field = field_of(text);
        let Some(count) = &mut self.of_secrets else {
            self.of_secrets = text
                .strip_prefix('@')
                .filter(|map| is_secret(map))
                .map(|_| 0);
            return Some(field).filter(|field| field.ends_with('=') && is_secret(field));
        };
        *count += 1;
        match self.directive {
            "map" => Some(""),
            "entry" if *count == 1 && is_key(text) => None,
            "entry" if text.trim_end_matches('=').len() <= field.len() => Some(""),
            "entry" => Some(field),
            _ => Some(field).filter(|field| field.ends_with('=')),
        }
    }
}

impl Encoder<'_> {
    /// True if a value has secrets.
    pub const fn has_secrets(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// True if the value has a secret that is set: one with a byte that is not 0.
    pub fn hides(&self, value: &[u8]) -> bool {
        let mut secrets = self.secrets.iter();
        secrets.any(|secret| {
            let mut bytes = value.iter().take(secret.end).skip(secret.start);
            bytes.any(|byte| *byte != 0)
        })
    }

    /// True if some of these bytes of a value are secret.
    pub fn is_secret(&self, range: &Range<usize>) -> bool {
        let mut secrets = self.secrets.iter();
        secrets.any(|secret| secret.start < range.end && range.start < secret.end)
    }
}
