//! A parsed Corefile, printed and parsed again, is the same.

use corexdp::corefile::{Corefile, ServerBlock};

use super::world::{FOLDER, NAME, World};

/// Prints the Corefile with imports and snippets resolved, and parses it. The Corefile must have no variables. A
/// Corefile that one file cannot express is skipped.
pub(super) fn gives_the_same(corefile: &Corefile) {
    let mut text = String::new();
    for block in corefile.blocks() {
        if print(block, corefile, &mut text).is_none() {
            return;
        }
    }
    let limit = text.len();
    let reparsed = Corefile::parse(NAME, FOLDER, text.as_bytes(), limit, &mut World::of(b""))
        .unwrap_or_else(|error| panic!("{error}, of\n{text}"));
    assert_eq!(words(corefile), words(&reparsed), "of\n{text}");
}

/// The keys of each block, with the name and the words of each directive.
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

/// Prints a line for the keys and one for each directive, with its occurrences and their blocks joined: the parser
/// ignores line breaks after the first word.
fn print(block: &ServerBlock, corefile: &Corefile, text: &mut String) -> Option<()> {
    let (last, keys) = block.keys.split_last()?;
    // A name in parentheses is an address at the end of a file, but a snippet before a brace.
    let snippet = keys.is_empty() && last.starts_with('(') && last.ends_with(')');
    // `import` is an address after a brace in the same line, but not as the first word of a line.
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
        // A brace as the first word of a line opens a block.
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

/// The word, bare or in quotes; `None` if neither is possible.
fn written(word: &str) -> Option<String> {
    let bare = !word.is_empty()
        && !word.starts_with(['"', '#'])
        && !word.contains(|c: char| c.is_whitespace() || c == '#');
    if bare {
        return Some(word.to_owned());
    }
    // A backslash before a quote cannot be written in quotes.
    if word.contains("\\\"") || word.ends_with('\\') {
        return None;
    }
    Some(format!("\"{}\"", word.replace('"', "\\\"")))
}
