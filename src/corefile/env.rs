//! Expands environment variables in a token: `{%NAME%}`, then `{$NAME}`.
//!
//! After each replacement the search starts again at the first character, because a value may contain a reference, or
//! form one with the text beside it. An unset variable is empty.

use super::Host;

/// Maximum number of replacements in one token. Only a value that refers to itself needs more.
const MAX_REPLACEMENTS: usize = 256;

/// Reason why a token cannot be expanded, with the variable's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExpandError {
    /// The value refers to itself, directly or through other variables.
    Recursive(String),
    /// The token becomes longer than the limit.
    TooLong(String),
}

/// The token's text with all variables expanded; `None` if the token has none. `limit` is in bytes.
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

/// Expands the references between the marks `open` and `close`.
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

/// The first reference and its name. As in Caddy, an empty name ends the search, even before other references.
fn first_reference<'a>(word: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    let from = word.get(word.find(open)?..)?;
    // The search includes the opening mark: the `%}` of `{%}` closes the reference.
    let end = from.find(close)?;
    let name = from.get(open.len()..end).filter(|name| !name.is_empty())?;
    Some((from.get(..end.checked_add(close.len())?)?, name))
}

fn value(name: &str, host: &mut dyn Host) -> String {
    // No variable has such a name. For `A=B=C` in the environment, some C libraries find the value `C` of `A=B`.
    if name.contains(['=', '\0']) {
        return String::new();
    }
    host.var(name).unwrap_or_default()
}
