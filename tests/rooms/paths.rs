//! Reads the paths of a source file: `use` items, and paths in expressions.

use std::collections::BTreeSet;

/// A path as the file writes it, such as `["crate", "config", "Mode"]`, and the name by which the file refers to its end.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Written {
    pub(crate) path: Vec<String>,
    pub(crate) name: String,
    /// True for a path of a `use` item.
    pub(crate) is_use: bool,
}

/// The text of a file without its module `tests`, which ends a file.
pub(crate) fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

/// The paths of a text, without those of comments.
pub(crate) fn paths(text: &str) -> BTreeSet<Written> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join(" ");
    let mut found = BTreeSet::new();
    let mut word_before = "";
    let mut rest = code.as_str();
    while let Some(start) = rest.find(is_word) {
        let joined = rest[..start].ends_with(':');
        rest = &rest[start..];
        let word = &rest[..rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())];
        let is_use = word_before == "use";
        if is_use || !joined && ["crate", "self", "super"].contains(&word) {
            rest = tree(rest, &[], is_use, &mut found);
        } else {
            rest = &rest[word.len()..];
        }
        word_before = word;
    }
    found
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Adds the paths of the tree at the beginning of `text`, each after `prefix`. Returns the text after the tree.
fn tree<'a>(
    mut text: &'a str,
    prefix: &[String],
    is_use: bool,
    found: &mut BTreeSet<Written>,
) -> &'a str {
    let mut path = prefix.to_vec();
    loop {
        text = text.trim_start();
        if let Some(mut group) = text.strip_prefix('{') {
            loop {
                group = tree(group, &path, is_use, found).trim_start();
                match group.strip_prefix(',') {
                    Some(next) => group = next,
                    None => return group.strip_prefix('}').unwrap_or(group),
                }
            }
        }
        let (word, after) = text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()));
        if !word.is_empty() {
            path.push(word.to_owned());
        }
        text = after;
        match text.strip_prefix("::") {
            Some(next) if next.starts_with(|c| is_word(c) || c == '{') => text = next,
            _ => break,
        }
    }
    let alias = text.strip_prefix(" as ").filter(|_| is_use);
    let alias = alias.and_then(|alias| alias.split(|c| !is_word(c)).next());
    if path.len() > prefix.len() {
        found.insert(Written {
            name: alias
                .or(path.last().map(String::as_str))
                .unwrap()
                .to_owned(),
            path,
            is_use,
        });
    }
    alias.map_or(text, |alias| &text[" as ".len() + alias.len()..])
}

#[test]
fn paths_of_every_form_are_read() {
    let text = "use crate::base::hex;\npub use crate::{config, plan::{Plan, sources as files}};\n\
                fn f() { crate::log::x(); super::y() } // crate::daemon\n/// [`crate::views`]\n\
                #[cfg(test)]\nmod tests {\n    use crate::http;\n}\n";
    let found: Vec<_> = paths(without_tests(text))
        .into_iter()
        .map(|written| (written.path.join("::"), written.name))
        .collect();
    let expected = [
        ("crate::base::hex", "hex"),
        ("crate::config", "config"),
        ("crate::log::x", "x"),
        ("crate::plan::Plan", "Plan"),
        ("crate::plan::sources", "files"),
        ("super::y", "y"),
    ];
    assert_eq!(
        found,
        expected.map(|(path, name)| (path.to_owned(), name.to_owned()))
    );
}
