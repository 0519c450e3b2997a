//! The directive `import`: replaced with the tokens of a snippet, a file, or all files that match a pattern.

use std::io;

use super::Token;
use super::error::Error;
use super::glob::{self, BadPattern};
use super::state::Parser;
use super::stream::Source;
use crate::base::escape::Quoted;

const IMPORT: &str = "import";

/// Maximum number of imports of snippets. An import inside a snippet counts each time the snippet is imported.
pub(super) const MAX_SNIPPET_IMPORTS: u32 = 10_000;

/// Maximum number of imports of files. A pattern counts once.
const MAX_FILE_IMPORTS: u32 = 100_000;

impl Parser<'_> {
    /// Executes the `import` at the current token. The stream continues with the first imported token.
    pub(super) fn import(&mut self) -> Result<(), Error> {
        let before = self.stream.previous();
        let head = self.stream.current();
        let Some(argument) = self.next_argument()? else {
            return Err(self.error(
                IMPORT,
                "names nothing; write a file, a pattern or a snippet after it",
            ));
        };
        let pattern = self.expand_current(IMPORT)?;
        if pattern.is_empty() {
            return Err(self.error(
                IMPORT,
                "the name is empty; give a file, a pattern or a snippet",
            ));
        }
        if self.next_argument()?.is_some() {
            // A second word may be a secret that a snippet was to take.
            let message = "more than one name; write one import for each, on a line of its own";
            return Err(self.error_at(head, IMPORT, message));
        }
        let sources = match self.snippet_source(&pattern)? {
            Some(source) => vec![source],
            None => self.file_sources(argument, &pattern)?,
        };
        self.stream.splice(before, sources);
        Ok(())
    }

    /// Advances to the next token if that token is on the same line, and returns it.
    fn next_argument(&mut self) -> Result<Option<Token>, Error> {
        let moved = self.stream.advance_in_line(&mut self.corefile.text);
        let moved = self.map_full(moved, IMPORT)?;
        Ok(self.stream.current().filter(|_| moved))
    }

    fn snippet_source(&mut self, name: &str) -> Result<Option<Source>, Error> {
        let Some(snippet) = self.snippets.get(name).cloned() else {
            return Ok(None);
        };
        if self.imports.snippets >= MAX_SNIPPET_IMPORTS {
            let message = format!(
                "more than {MAX_SNIPPET_IMPORTS} imports of snippets; is there one that imports itself through others?"
            );
            return Err(self.error(IMPORT, &message));
        }
        self.imports.snippets += 1;
        self.charge(snippet.bytes, IMPORT)?;
        Ok(Some(Source::Snippet(snippet.tokens, 0)))
    }

    fn file_sources(&mut self, argument: Token, name: &str) -> Result<Vec<Source>, Error> {
        if self.imports.files >= MAX_FILE_IMPORTS {
            let message = format!(
                "more than {MAX_FILE_IMPORTS} imports of files; is there one that imports itself, or through others?"
            );
            return Err(self.error(IMPORT, &message));
        }
        self.imports.files += 1;
        let pattern = self.absolute(argument, name);
        if pattern.matches('*').count() > 1
            || pattern.matches('?').count() > 1
            || (pattern.contains('[') && pattern.contains(']'))
        {
            let message = format!(
                "pattern {} is too wide; use at most one \"*\" and one \"?\", and no \"[…]\", in the whole path",
                Quoted(&pattern)
            );
            return Err(self.error(IMPORT, &message));
        }
        let paths = glob::expand(&pattern, self.host).map_err(|BadPattern| {
            let message = format!(
                "pattern {} has a lone \"[\", or a \"\\\" at the end of a name; write \\[ for the character [, and \\\\ for \\",
                Quoted(name)
            );
            self.error(IMPORT, &message)
        })?;
        if paths.is_empty() {
            self.no_match(argument, name, &pattern)?;
        }
        paths.iter().map(|path| self.read_file(path)).collect()
    }

    /// The absolute path or pattern for `name`. A relative name starts at the folder of the importing file.
    fn absolute(&self, argument: Token, name: &str) -> String {
        if name.starts_with('/') {
            return name.to_owned();
        }
        let folder = match argument.file() {
            0 => self.folder,
            _ => glob::folder(self.corefile.file(argument)),
        };
        glob::join(folder, name)
    }

    /// Warns about a pattern without matches, as `CoreDNS` does.
    ///
    /// # Errors
    /// When `pattern` is a path without wildcards.
    fn no_match(&mut self, argument: Token, name: &str, pattern: &str) -> Result<(), Error> {
        if !pattern.contains(['*', '?', '[', ']']) {
            let message = format!(
                "file {} not found; give a path relative to this file's folder, or an absolute one",
                Quoted(name)
            );
            return Err(self.error(IMPORT, &message));
        }
        let message = || format!("no file matches {}; nothing is imported", Quoted(name));
        self.warn(argument, IMPORT, message);
        Ok(())
    }

    fn read_file(&mut self, path: &str) -> Result<Source, Error> {
        let bytes = match self.host.read(path, self.remaining) {
            Ok(bytes) => bytes,
            Err(cause) => return Err(self.read_error(path, cause)),
        };
        // An empty file counts as one byte, so that a pattern cannot match an unlimited number of empty files.
        self.charge(bytes.len().max(1), IMPORT)?;
        let number = self.file_number(path)?;
        self.add_file(number, bytes, IMPORT)
    }

    /// The number by which tokens refer to the file; a new file is added to [`Corefile::files`](super::Corefile::files).
    fn file_number(&mut self, path: &str) -> Result<u16, Error> {
        let path = glob::clean(path);
        let files = self.corefile.files.len();
        let index = self.imports.file_index.get(&path);
        let index = index.unwrap_or(files);
        let Ok(number) = u16::try_from(index) else {
            let message = format!("more than {} files; put some of them together", u16::MAX);
            return Err(self.error(IMPORT, &message));
        };
        if index == files {
            self.corefile.files.push(path.clone());
            self.imports.file_index.insert(&path, index);
        }
        Ok(number)
    }

    fn read_error(&self, path: &str, cause: io::Error) -> Error {
        let message = match cause.kind() {
            io::ErrorKind::FileTooLarge => return self.over_limit(IMPORT),
            io::ErrorKind::IsADirectory => {
                let message = format!(
                    "{} is a folder; import the files in it with {}",
                    Quoted(path),
                    Quoted(&glob::join(path, "*"))
                );
                return self.error(IMPORT, &message);
            }
            _ => format!(
                "cannot read {}; it must be a file that this process may read",
                Quoted(path)
            ),
        };
        self.error(IMPORT, &message).caused_by(cause)
    }
}
