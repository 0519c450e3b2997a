//! Expands file patterns as `Glob` of Go's `path/filepath` does.
//!
//! `*` matches any sequence of characters and `?` one character of a name, hidden names included, but never a `/`; `\`
//! escapes the next character. The caller refuses patterns with both `[` and `]`.

use super::Host;

/// Error: the pattern has a `[` without `]`, or a `\` at the end of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadPattern;

/// The files that match an absolute pattern, sorted within each folder. A folder that cannot be read has no files, as
/// in Go.
pub(super) fn expand(pattern: &str, host: &mut dyn Host) -> Result<Vec<String>, BadPattern> {
    if !pattern.split('/').all(is_well_formed) {
        return Err(BadPattern);
    }
    let names: Vec<&str> = pattern.split('/').collect();
    let Some(first) = names
        .iter()
        .position(|name| name.contains(['*', '?', '\\']))
    else {
        let found = host.exists(pattern).then(|| pattern.to_owned());
        return Ok(found.into_iter().collect());
    };
    let (fixed, searched) = names.split_at_checked(first).unwrap_or_default();
    let mut found = vec![fixed.join("/")];
    for name in searched {
        let mut deeper = Vec::new();
        for folder in &found {
            search(folder, name, host, &mut deeper);
        }
        found = deeper;
    }
    Ok(found)
}

/// Adds the files in `folder` whose names match.
fn search(folder: &str, pattern: &str, host: &mut dyn Host, found: &mut Vec<String>) {
    let folder = if folder.is_empty() { "/" } else { folder };
    let Ok(mut names) = host.list(folder) else {
        return;
    };
    names.retain(|name| matches_name(pattern, name));
    names.sort_unstable();
    found.extend(names.iter().map(|name| join(folder, name)));
}

/// False for a name of a pattern with `[`, or with `\` at its end.
fn is_well_formed(name: &str) -> bool {
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match c {
            '[' => return false,
            '\\' if chars.next().is_none() => return false,
            _ => {}
        }
    }
    true
}

/// True if a name matches a pattern. Each `*` tries every suffix of the name, so the time is exponential in the number
/// of `*`. The caller allows one.
fn matches_name(pattern: &str, name: &str) -> bool {
    let (mut wanted, mut given) = (pattern.chars(), name.chars());
    while let Some(c) = wanted.next() {
        let literal = match c {
            '*' => {
                let rest = given.as_str();
                return rest
                    .char_indices()
                    .map(|(at, _)| at)
                    .chain([rest.len()])
                    .any(|at| matches_name(wanted.as_str(), rest.get(at..).unwrap_or_default()));
            }
            '?' => None,
            '\\' => wanted.next(),
            _ => Some(c),
        };
        match given.next() {
            Some(other) if literal.is_none_or(|c| c == other) => {}
            _ => return false,
        }
    }
    given.as_str().is_empty()
}

/// The path without `.`, `..` and repeated slashes, as Go's `Clean`: lexical, without following symbolic links.
pub(super) fn clean(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            _ => names.push(name),
        }
    }
    let mut cleaned = String::with_capacity(path.len() + 1);
    for name in &names {
        cleaned.push('/');
        cleaned.push_str(name);
    }
    if cleaned.is_empty() {
        cleaned.push('/');
    }
    cleaned
}

/// The absolute path of `path`, which is relative to an absolute folder.
pub(super) fn join(folder: &str, path: &str) -> String {
    clean(&format!("{folder}/{path}"))
}

/// The folder of an absolute path.
pub(super) fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}
