//! Expands environment variables in a token: `{%NAME%}`, then `{$NAME}`.
//!
//! A value may contain references, or complete a reference together with the text beside it: after each replacement the
//! search starts again at the first character. An unset variable is empty.

use super::Host;

/// Most replacements in one token. More mean a value that refers to itself.
const MAX_REPLACEMENTS: usize = 256;

/// Reason why a token cannot be expanded, with the variable's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExpandError {
    /// The value refers to itself, directly or through other variables.
    Recursive(String),
    /// The token becomes longer than the limit.
    TooLong(String),
}

/// The token's text with all variables expanded, `None` if there are none. `limit` is in bytes.
pub(super) fn expand(
    word: &str,
    limit: usize,
    host: &mut dyn Host,
) -> Result<Option<String>, ExpandError> {
    let mut replaced = None;
    for marks in [("{%", "%}"), ("{$", "}")] {
        if let Some(new) = expand_marked(replaced.as_deref().unwrap_or(word), marks, limit, host)? {
            replaced = Some(new);
        }
    }
    Ok(replaced)
}

fn expand_marked(
    word: &str,
    (open, close): (&str, &str),
    limit: usize,
    host: &mut dyn Host,
) -> Result<Option<String>, ExpandError> {
    let mut replaced: Option<String> = None;
    let mut count = 0;
    loop {
        let present = replaced.as_deref().unwrap_or(word);
        let Some((reference, name)) = first_reference(present, open, close) else {
            return Ok(replaced);
        };
        count += 1;
        if count > MAX_REPLACEMENTS {
            return Err(ExpandError::Recursive(name.to_owned()));
        }
        let value = value(name, host);
        let times = present.matches(reference).count();
        let len = times
            .checked_mul(value.len())
            .and_then(|added| added.checked_add(present.len() - times * reference.len()));
        if len.is_none_or(|len| len > limit) {
            return Err(ExpandError::TooLong(name.to_owned()));
        }
        replaced = Some(present.replace(reference, &value));
    }
}

/// The first reference and its name. As in Caddy, an empty name ends the search even if other references follow.
fn first_reference<'a>(word: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    let from = word.get(word.find(open)?..)?;
    // The search includes the opening mark: the `%}` of `{%}` closes the reference.
    let end = from.find(close)?;
    let name = from.get(open.len()..end).filter(|name| !name.is_empty())?;
    Some((from.get(..end.checked_add(close.len())?)?, name))
}

fn value(name: &str, host: &mut dyn Host) -> String {
    // No variable has such a name, but getenv(3) of some C libraries finds the value `C` of `A=B=C` under `A=B`.
    if name.contains(['=', '\0']) {
        return String::new();
    }
    host.var(name).unwrap_or_default()
}
