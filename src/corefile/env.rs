//! Environment variables in a word: `{%NAME%}`, then `{$NAME}`.
//!
//! A value may hold further references, and letters of it may form one together with letters beside it: after each
//! replacement the word is read again from its beginning. A variable that isn't set is empty.

use super::Host;

/// More references than this in one word are taken for a value that leads back to itself.
const MOST_REPLACEMENTS: usize = 256;

/// A word that can't be had; each carries the variable's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Runaway {
    /// The value leads back to itself.
    Endless(String),
    /// The word is longer than allowed.
    TooLong(String),
}

/// The word with variables replaced, or none if there are none in it.
pub(super) fn replace(
    word: &str,
    longest: usize,
    host: &mut dyn Host,
) -> Result<Option<String>, Runaway> {
    let mut replaced = None;
    for marks in [("{%", "%}"), ("{$", "}")] {
        if let Some(new) =
            replace_marked(replaced.as_deref().unwrap_or(word), marks, longest, host)?
        {
            replaced = Some(new);
        }
    }
    Ok(replaced)
}

fn replace_marked(
    word: &str,
    (open, close): (&str, &str),
    longest: usize,
    host: &mut dyn Host,
) -> Result<Option<String>, Runaway> {
    let mut replaced: Option<String> = None;
    let mut count = 0;
    loop {
        let present = replaced.as_deref().unwrap_or(word);
        let Some((reference, name)) = first_reference(present, open, close) else {
            return Ok(replaced);
        };
        count += 1;
        if count > MOST_REPLACEMENTS {
            return Err(Runaway::Endless(name.to_owned()));
        }
        let value = value(name, host);
        let times = present.matches(reference).count();
        let len = times
            .checked_mul(value.len())
            .and_then(|added| added.checked_add(present.len() - times * reference.len()));
        if len.is_none_or(|len| len > longest) {
            return Err(Runaway::TooLong(name.to_owned()));
        }
        replaced = Some(present.replace(reference, &value));
    }
}

/// The first reference and the name in it. An empty name ends the search, though others may follow.
fn first_reference<'a>(word: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    let from = word.get(word.find(open)?..)?;
    // Searched from the opening mark on, which matters for `{%}`: its `%}` closes it, with less than a name between.
    let end = from.find(close)?;
    let name = from.get(open.len()..end).filter(|name| !name.is_empty())?;
    Some((from.get(..end.checked_add(close.len())?)?, name))
}

fn value(name: &str, host: &mut dyn Host) -> String {
    // No variable has such a name, yet C libraries look it up in a way that finds `B=C` of `A` under `A=B`.
    if name.contains(['=', '\0']) {
        return String::new();
    }
    host.var(name).unwrap_or_default()
}
