//! Which files a pattern means, as Go's `path/filepath` sees it.
//!
//! `*` is any run of letters and `?` one letter of a name, hidden names included, never a `/`; `\` takes the next letter
//! as it is. Patterns with `[` and `]` don't get here.

use super::Host;

/// The pattern has a lone `[`, or a `\` at the end of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadPattern;

/// The files that an absolute pattern means, sorted within each folder; none where a folder can't be read.
pub(super) fn matches(pattern: &str, host: &mut dyn Host) -> Result<Vec<String>, BadPattern> {
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

/// Adds what the folder holds that fits.
fn search(folder: &str, pattern: &str, host: &mut dyn Host, found: &mut Vec<String>) {
    let folder = if folder.is_empty() { "/" } else { folder };
    let Ok(mut names) = host.list(folder) else {
        return;
    };
    names.retain(|name| fits(pattern, name));
    names.sort_unstable();
    found.extend(names.iter().map(|name| join(folder, name)));
}

fn is_well_formed(name: &str) -> bool {
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '[' => return false,
            '\\' if letters.next().is_none() => return false,
            _ => {}
        }
    }
    true
}

/// Whether a name fits a pattern. Looks at every rest of the name for each `*`, so patterns should have few.
fn fits(pattern: &str, name: &str) -> bool {
    let (mut wanted, mut given) = (pattern.chars(), name.chars());
    while let Some(letter) = wanted.next() {
        let literal = match letter {
            '*' => {
                let rest = given.as_str();
                return rest
                    .char_indices()
                    .map(|(at, _)| at)
                    .chain([rest.len()])
                    .any(|at| fits(wanted.as_str(), rest.get(at..).unwrap_or_default()));
            }
            '?' => None,
            '\\' => wanted.next(),
            _ => Some(letter),
        };
        match given.next() {
            Some(other) if literal.is_none_or(|letter| letter == other) => {}
            _ => return false,
        }
    }
    given.as_str().is_empty()
}

/// A path without `.`, `..` and needless slashes, by its letters alone; `/` is above itself.
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

/// A path seen from an absolute folder.
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
