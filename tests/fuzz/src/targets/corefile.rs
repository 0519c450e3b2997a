//! Corefiles with imports, snippets and variables, and the output of `expand`.

use corexdp::base::diagnostic::Diagnostic;
use corexdp::commands::check_json;
use corexdp::corefile::{Corefile, Directive, Error, Token};
use serde_json::{Value, json};

use super::world::{FOLDER, NAME, World, lines};
use super::{memory, message, reprint};

/// Bytes of Corefile, imports included.
const LIMIT: usize = 1 << 12;
/// Bytes of memory per byte of input: a word of one letter takes 16 bytes in a snippet and in each import; a
/// pattern without a match has a warning. Growing buffers take up to twice that.
const MOST_MEMORY: usize = 96 * LIMIT;

/// Checks one input, see [`World`].
pub fn run(input: &[u8]) {
    let mut world = World::of(input);
    let bytes = world.corefile;
    let parsed = memory::within(MOST_MEMORY, || {
        Corefile::parse(NAME, FOLDER, bytes, LIMIT, &mut world)
    });
    match parsed {
        Ok(corefile) => {
            for directive in corefile.blocks().iter().flat_map(|block| &block.directives) {
                for &token in &directive.tokens {
                    is_in_its_line(&corefile, token, &world);
                }
                occurrences_have_all_words(directive, &corefile);
            }
            for warning in corefile.warnings() {
                is_a_line_of(&warning.file, warning.line, &world);
                message::is_one_line(&warning.to_string());
            }
            expands_to_the_same(&corefile);
            if !has_variables(input) {
                reprint::gives_the_same(&corefile);
            }
        }
        Err(error) => explains(&error, &world),
    }
}

/// True if the input may have a variable. Carriage returns are ignored inside its mark.
fn has_variables(input: &[u8]) -> bool {
    let mut letters = input.iter().filter(|&&byte| byte != b'\r').peekable();
    std::iter::from_fn(|| Some((*letters.next()?, letters.peek().copied())))
        .any(|pair| matches!(pair, (b'{', Some(b'$' | b'%'))))
}

fn explains(error: &Error, world: &World) {
    is_a_line_of(error.file(), error.line(), world);
    message::is_one_line(&error.to_string());
    message::is_one_line(&Diagnostic::from(error).to_string());
}

fn is_a_line_of(file: &str, line: u32, world: &World) {
    let content = world.content(file).expect("a file that was read");
    let lines = lines(content);
    assert!(
        (1..=lines).contains(&(line as usize)),
        "{file}:{line} of {lines} lines"
    );
}

/// A word begins in the line of its token, unless escapes or variables alter its text.
fn is_in_its_line(corefile: &Corefile, token: Token, world: &World) {
    let (file, text) = (corefile.file(token), corefile.text(token));
    assert!(corefile.files().iter().any(|known| known == file));
    is_a_line_of(file, token.line(), world);
    let Some(Ok(content)) = world.content(file).map(std::str::from_utf8) else {
        return;
    };
    if content.contains(['\r', '\\']) || content.contains("{$") || content.contains("{%") {
        return;
    }
    let line = token.line() as usize - 1;
    let start: usize = content.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &content[start..];
    let end = rest.find('\n').unwrap_or(rest.len());
    assert!(
        rest.find(text).is_some_and(|at| at <= end),
        "{text:?} is not in {file}:{}",
        token.line()
    );
}

/// Occurrences have all words of a directive except the braces of bodies.
fn occurrences_have_all_words(directive: &Directive, corefile: &Corefile) {
    let (mut words, mut bodies) = (0, 0);
    for occurrence in directive.occurrences(corefile) {
        words += 1 + occurrence.args.len() + occurrence.rest.len();
        if let Some(body) = occurrence.body {
            words += body.map(<[Token]>::len).sum::<usize>();
            bodies += 1;
        }
    }
    // An opening brace from a variable may have no closing brace.
    assert!(
        (words + bodies..=words + 2 * bodies).contains(&directive.tokens.len()),
        "{words} words and {bodies} bodies of {} tokens",
        directive.tokens.len()
    );
}

fn expands_to_the_same(corefile: &Corefile) {
    let mut printed = Vec::new();
    check_json::expand(&mut printed, corefile).expect("memory can be written to");
    let printed: Value = serde_json::from_slice(&printed).expect("JSON");
    let token = |&token: &Token| json!({"file": corefile.file(token), "line": token.line(), "text": corefile.text(token)});
    let words = |directive: &Directive| {
        let tokens: Vec<Value> = directive.tokens.iter().map(token).collect();
        (directive.name.clone(), Value::from(tokens))
    };
    let blocks = corefile.blocks().iter().map(|block| {
        let directives: serde_json::Map<_, _> = block.directives.iter().map(words).collect();
        json!({"keys": block.keys, "tokens": directives})
    });
    assert_eq!(printed, blocks.collect::<Value>());
}
