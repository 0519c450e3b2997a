//! The files and environment variables in an input.

use std::io;

use corexdp::corefile::Host;

/// The folder of the Corefile.
pub(super) const FOLDER: &str = "/etc";
/// The name of the Corefile in errors.
pub(super) const NAME: &str = "Corefile";

/// An input: the Corefile, then files and variables, each after a line `%% PATH` or `%% $VARIABLE`.
pub(super) struct World<'a> {
    pub(super) corefile: &'a [u8],
    files: Vec<(String, &'a [u8])>,
    vars: Vec<(String, String)>,
}

impl<'a> World<'a> {
    pub(super) fn of(input: &'a [u8]) -> Self {
        let (corefile, mut rest) = split_at_mark(input);
        let mut world = Self {
            corefile,
            files: Vec::new(),
            vars: Vec::new(),
        };
        while let Some(part) = rest {
            let (part, next) = split_at_mark(part);
            rest = next;
            let mut halves = part.splitn(2, |&byte| byte == b'\n');
            let name = String::from_utf8_lossy(halves.next().unwrap_or_default());
            let content = halves.next().unwrap_or_default();
            if let Some(variable) = name.strip_prefix('$') {
                let value = String::from_utf8_lossy(content).into_owned();
                world.vars.push((variable.to_owned(), value));
            } else {
                let folder = if name.starts_with('/') { "" } else { FOLDER };
                world
                    .files
                    .push((normal(&format!("{folder}/{name}")), content));
            }
        }
        world
    }

    /// The content of the file that a token names.
    pub(super) fn content(&self, file: &str) -> Option<&'a [u8]> {
        if file == NAME {
            return Some(self.corefile);
        }
        let path = normal(file);
        let (_, content) = self.files.iter().find(|(known, _)| *known == path)?;
        Some(content)
    }

    fn names<'b>(&'b self, folder: &str) -> impl Iterator<Item = &'b str> {
        let mut folder = normal(folder);
        if !folder.ends_with('/') {
            folder.push('/');
        }
        self.files.iter().filter_map(move |(path, _)| {
            let inside = path.strip_prefix(folder.as_str())?;
            inside.split('/').next().filter(|name| !name.is_empty())
        })
    }
}

impl Host for World<'_> {
    fn read(&mut self, path: &str, limit: usize) -> io::Result<Vec<u8>> {
        match self.content(path) {
            Some(content) if content.len() > limit => Err(io::ErrorKind::FileTooLarge.into()),
            Some(content) => Ok(content.to_vec()),
            None if self.exists(path) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&mut self, dir: &str) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = self.names(dir).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(names)
    }

    fn exists(&mut self, path: &str) -> bool {
        self.content(path).is_some() || self.names(path).next().is_some()
    }

    fn var(&mut self, name: &str) -> Option<String> {
        let (_, value) = self.vars.iter().find(|(known, _)| known == name)?;
        Some(value.clone())
    }
}

/// The number of lines; the text after the last line break counts as one.
pub(super) fn lines(content: &[u8]) -> usize {
    content.split(|&byte| byte == b'\n').count()
}

/// Splits at the next line that begins with `%% `: the text before it, and the text after the mark.
fn split_at_mark(input: &[u8]) -> (&[u8], Option<&[u8]>) {
    const MARK: &[u8] = b"\n%% ";
    match input.windows(MARK.len()).position(|window| window == MARK) {
        // The line break belongs to the part before the mark.
        Some(at) => (&input[..=at], Some(&input[at + MARK.len()..])),
        None => (input, None),
    }
}

/// Removes `.`, `..` and empty names from an absolute path.
fn normal(path: &str) -> String {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}
