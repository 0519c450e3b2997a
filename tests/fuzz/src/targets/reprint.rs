//! A Corefile printed from what was parsed reads as the same again.

use corexdp::corefile::{Corefile, ServerBlock};

use super::world::{FOLDER, NAME, World};

/// Prints the Corefile without imports and snippets, and reads that. It must hold no variables; what the language has
/// no way to write in one file is left.
pub(super) fn gives_the_same(corefile: &Corefile) {
    let mut text = String::new();
    for block in corefile.blocks() {
        if print(block, corefile, &mut text).is_none() {
            return;
        }
    }
    let limit = text.len();
    let again = Corefile::parse(NAME, FOLDER, text.as_bytes(), limit, &mut World::of(b""))
        .unwrap_or_else(|error| panic!("{error}, of\n{text}"));
    assert_eq!(words(corefile), words(&again), "of\n{text}");
}

/// For each block its keys, and each directive's name and words.
type Words<'a> = Vec<(&'a [String], Vec<(&'a str, Vec<&'a str>)>)>;

fn words(corefile: &Corefile) -> Words<'_> {
    let blocks = corefile.blocks().iter();
    let blocks = blocks.map(|block| (block.keys.as_slice(), directives(block, corefile)));
    blocks.collect()
}

fn directives<'a>(block: &'a ServerBlock, corefile: &'a Corefile) -> Vec<(&'a str, Vec<&'a str>)> {
    let all = block.directives.iter().map(|directive| {
        let words = directive.tokens.iter().map(|&token| corefile.text(token));
        (directive.name.as_str(), words.collect())
    });
    all.collect()
}

/// One line for the keys and one for each directive, its occurrences and their blocks joined: outside of the first word,
/// line breaks mean nothing to the parser.
fn print(block: &ServerBlock, corefile: &Corefile, text: &mut String) -> Option<()> {
    let (last, keys) = block.keys.split_last()?;
    // In the end of a file this is an address, before a brace a snippet.
    let snippet = keys.is_empty() && last.starts_with('(') && last.ends_with(')');
    // After a brace in the same line it is an address, in a line of its own it is none.
    let import = keys.is_empty() && last == "import";
    if snippet || import || last == "{" {
        return None;
    }
    text.push('\n');
    for key in keys {
        text.push_str(&written(&format!("{key},"))?);
        text.push(' ');
    }
    text.push_str(&written(last)?);
    text.push_str(" {\n");
    for directive in &block.directives {
        // The first brace of a line that is no name opens a block.
        if directive.name == "{" {
            return None;
        }
        for &token in &directive.tokens {
            text.push_str(&written(corefile.text(token))?);
            text.push(' ');
        }
        text.push('\n');
    }
    text.push_str("}\n");
    Some(())
}

/// A way to write the word: as it is or in quotes.
fn written(word: &str) -> Option<String> {
    let bare = !word.is_empty()
        && !word.starts_with(['"', '#'])
        && !word.contains(|c: char| c.is_whitespace() || c == '#');
    if bare {
        return Some(word.to_owned());
    }
    // A backslash before a quote would make it another word, and nothing can stand for it.
    if word.contains("\\\"") || word.ends_with('\\') {
        return None;
    }
    Some(format!("\"{}\"", word.replace('"', "\\\"")))
}
