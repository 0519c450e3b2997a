//! Tests as tables: Corefiles and their expected blocks or errors.

mod blocks;
mod hostile;
mod imports;
mod occurrences;
mod refused;
mod tokens;
mod variables;

use std::fmt::Write as _;
use std::io;

use super::{Corefile, Error, Host, Token, glob};

/// Limit of all text in bytes, above what a test needs.
const LIMIT: usize = 1 << 20;

/// Files and variables in memory. Folders follow from the paths of the files.
#[derive(Clone, Copy, Default)]
struct FakeHost {
    files: &'static [(&'static str, &'static str)],
    vars: &'static [(&'static str, &'static str)],
}

impl FakeHost {
    fn is_folder(self, path: &str) -> bool {
        self.list_names(path).next().is_some()
    }

    fn content(self, path: &str) -> Option<&'static str> {
        let path = glob::clean(path);
        let (_, content) = self.files.iter().find(|(name, _)| *name == path)?;
        Some(content)
    }

    fn list_names(self, folder: &str) -> impl Iterator<Item = &'static str> {
        let folder = glob::clean(folder).trim_end_matches('/').to_owned();
        self.files.iter().filter_map(move |(path, _)| {
            let inside = path.strip_prefix(&folder)?.strip_prefix('/')?;
            inside.split('/').next()
        })
    }
}

impl Host for FakeHost {
    fn read(&mut self, path: &str, limit: usize) -> io::Result<Vec<u8>> {
        if self.is_folder(path) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let content = self.content(path).ok_or(io::ErrorKind::NotFound)?;
        match content {
            "SECRET" => Err(io::ErrorKind::PermissionDenied.into()),
            _ if content.len() > limit => Err(io::ErrorKind::FileTooLarge.into()),
            _ => Ok(content.as_bytes().to_vec()),
        }
    }

    fn list(&mut self, dir: &str) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = self.list_names(dir).map(str::to_owned).collect();
        names.dedup();
        // As in a file system, the order is unspecified.
        names.reverse();
        if names.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(names)
    }

    fn exists(&mut self, path: &str) -> bool {
        self.is_folder(path) || self.content(path).is_some()
    }

    fn var(&mut self, name: &str) -> Option<String> {
        let (_, value) = self.vars.iter().find(|(known, _)| *known == name)?;
        Some((*value).to_owned())
    }
}

fn parse(input: &[u8], mut host: FakeHost) -> Result<Corefile, Error> {
    Corefile::parse("Corefile", "/etc", input, LIMIT, &mut host)
}

/// Formats blocks as `KEY KEY | NAME: WORD@LINE WORD@LINE | NAME: … ++ KEY …`; a word of another file is
/// `WORD@FILE:LINE`.
fn show(corefile: &Corefile) -> String {
    let mut shown = String::new();
    for (number, block) in corefile.blocks().iter().enumerate() {
        shown.push_str(if number == 0 { "" } else { " ++ " });
        let keys: Vec<String> = block.keys.iter().map(|key| quote_if_needed(key)).collect();
        shown.push_str(&keys.join(" "));
        for directive in &block.directives {
            let words = place(corefile, &directive.tokens);
            write!(shown, " | {}: {words}", quote_if_needed(&directive.name)).unwrap();
        }
    }
    shown
}

/// Formats tokens as `WORD@LINE` or `WORD@FILE:LINE`.
fn place(corefile: &Corefile, tokens: &[Token]) -> String {
    let place = |token: &Token| match corefile.file(*token) {
        "Corefile" => format!(
            "{}@{}",
            quote_if_needed(corefile.text(*token)),
            token.line()
        ),
        file => format!(
            "{}@{file}:{}",
            quote_if_needed(corefile.text(*token)),
            token.line()
        ),
    };
    tokens.iter().map(place).collect::<Vec<_>>().join(" ")
}

/// A token's text, in quotes if it is empty or has white space or quotes.
fn quote_if_needed(word: &str) -> String {
    let is_plain = !word.is_empty()
        && word
            .chars()
            .all(|c| !c.is_whitespace() && c != '"' && c != '\u{feff}');
    if is_plain {
        word.to_owned()
    } else {
        format!("{word:?}")
    }
}

/// Checks a table of Corefiles and their [shown](show) blocks or errors.
#[track_caller]
fn check(host: FakeHost, table: &[(&str, &str)]) {
    for (input, expected) in table {
        let corefile = parse(input.as_bytes(), host);
        let shown = corefile.map_or_else(|error| error.to_string(), |corefile| show(&corefile));
        assert_eq!(&shown, expected, "of {input:?}");
    }
}
