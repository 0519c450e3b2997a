//! `import`: puts the words of a snippet, of a file or of all files that fit a pattern in its place.

use std::io;

use super::error::Error;
use super::glob::{self, BadPattern};
use super::reading::Reading;
use super::stream::Source;
use super::{Token, Warning};
use crate::base::escape::Quoted;

const IMPORT: &str = "import";

/// How many imports of snippets there may be, those within snippets counted each time.
pub(super) const MOST_SNIPPETS: u32 = 10_000;

/// How many imports of files there may be; a pattern is one.
const MOST_FILES: u32 = 100_000;

impl Reading<'_> {
    /// Carries out the import that is the present word. The next word is the first imported one.
    pub(super) fn import(&mut self) -> Result<(), Error> {
        let before = self.stream.previous();
        let head = self.stream.current();
        let Some(argument) = self.argument()? else {
            return Err(self.error(
                IMPORT,
                "names nothing; write a file, a pattern or a snippet after it",
            ));
        };
        let pattern = self.resolved_current(IMPORT)?;
        if pattern.is_empty() {
            return Err(self.error(
                IMPORT,
                "the name is empty; give a file, a pattern or a snippet",
            ));
        }
        if let Some(second) = self.argument()? {
            let message = format!(
                "{} is one name too many; write one import for each, on a line of its own",
                Quoted(self.out.text(second))
            );
            return Err(self.error_at(head, IMPORT, &message));
        }
        let sources = match self.snippet_source(&pattern)? {
            Some(source) => vec![source],
            None => self.file_sources(argument, &pattern)?,
        };
        self.stream.splice(before, sources);
        Ok(())
    }

    /// Moves to the next word if it is in the same line.
    fn argument(&mut self) -> Result<Option<Token>, Error> {
        let moved = self.stream.advance_in_line(&mut self.out.text);
        let moved = self.fits(moved, IMPORT)?;
        Ok(self.stream.current().filter(|_| moved))
    }

    fn snippet_source(&mut self, name: &str) -> Result<Option<Source>, Error> {
        let Some(snippet) = self.snippets.get(name).cloned() else {
            return Ok(None);
        };
        if self.imported.snippets >= MOST_SNIPPETS {
            let message = format!(
                "more than {MOST_SNIPPETS} imports of snippets; is there one that imports itself through others?"
            );
            return Err(self.error(IMPORT, &message));
        }
        self.imported.snippets += 1;
        self.take_room(snippet.bytes, IMPORT)?;
        Ok(Some(Source::Snippet(snippet.tokens, 0)))
    }

    fn file_sources(&mut self, argument: Token, name: &str) -> Result<Vec<Source>, Error> {
        if self.imported.files >= MOST_FILES {
            let message = format!(
                "more than {MOST_FILES} imports of files; is there one that imports itself, or through others?"
            );
            return Err(self.error(IMPORT, &message));
        }
        self.imported.files += 1;
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
        let paths = glob::matches(&pattern, self.host).map_err(|BadPattern| {
            let message = format!(
                "pattern {} has a lone \"[\", or a \"\\\" at the end of a name; write \\[ for the letter [, and \\\\ for \\",
                Quoted(name)
            );
            self.error(IMPORT, &message)
        })?;
        if paths.is_empty() {
            self.none_found(argument, name, &pattern)?;
        }
        paths.iter().map(|path| self.read_file(path)).collect()
    }

    /// The absolute path or pattern that `name` means in the file in which it stands.
    fn absolute(&self, argument: Token, name: &str) -> String {
        if name.starts_with('/') {
            return name.to_owned();
        }
        let folder = match argument.file() {
            0 => self.folder,
            _ => glob::folder(self.out.file(argument)),
        };
        glob::join(folder, name)
    }

    /// A pattern may find nothing; a file has to be there.
    fn none_found(&mut self, argument: Token, name: &str, pattern: &str) -> Result<(), Error> {
        if !pattern.contains(['*', '?', '[', ']']) {
            let message = format!(
                "file {} not found; give a path relative to this file's folder, or an absolute one",
                Quoted(name)
            );
            return Err(self.error(IMPORT, &message));
        }
        self.out.warnings.push(Warning {
            file: self.out.file(argument).to_owned(),
            line: argument.line(),
            message: format!("no file fits {}; nothing is imported", Quoted(name)),
        });
        Ok(())
    }

    fn read_file(&mut self, path: &str) -> Result<Source, Error> {
        let bytes = match self.host.read(path, self.left) {
            Ok(bytes) => bytes,
            Err(cause) => return Err(self.unreadable(path, cause)),
        };
        // Even nothing counts as one, or a pattern that finds many empty files could be read again and again.
        self.take_room(bytes.len().max(1), IMPORT)?;
        let number = self.number(path)?;
        self.add_file(number, bytes, IMPORT)
    }

    /// The number by which tokens know the file.
    fn number(&mut self, path: &str) -> Result<u16, Error> {
        let path = glob::clean(path);
        let files = self.out.files.len();
        let place = self.imported.places.get(&path);
        let place = place.copied().unwrap_or(files);
        let Ok(number) = u16::try_from(place) else {
            let message = format!("more than {} files; put some of them together", u16::MAX);
            return Err(self.error(IMPORT, &message));
        };
        if place == files {
            self.out.files.push(path.clone());
            self.imported.places.insert(path, place);
        }
        Ok(number)
    }

    fn unreadable(&self, path: &str, cause: io::Error) -> Error {
        let message = match cause.kind() {
            io::ErrorKind::FileTooLarge => return self.too_much(IMPORT),
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
        Error {
            source: Some(cause),
            ..self.error(IMPORT, &message)
        }
    }
}
