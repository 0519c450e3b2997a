//! Reads the mdoc source of a manual page.

use std::fs;
use std::path::{Path, PathBuf};

/// A page of `src/man`.
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    text: String,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/man")
            .join(name);
        let text = fs::read_to_string(&path).unwrap();
        Self { path, text }
    }

    /// The names of the sections, in order.
    pub(crate) fn sections(&self) -> Vec<&str> {
        let lines = self.text.lines();
        lines.filter_map(|line| line.strip_prefix(".Sh ")).collect()
    }

    /// The lines of a section.
    pub(crate) fn section(&self, name: &str) -> Vec<&str> {
        let lines = self.text.lines();
        let from = lines.skip_while(|line| line.strip_prefix(".Sh ") != Some(name));
        let lines: Vec<_> = from
            .skip(1)
            .take_while(|line| !line.starts_with(".Sh "))
            .collect();
        assert!(!lines.is_empty(), "{}: no {name}", self.path.display());
        lines
    }

    /// The text of every `.It` macro.
    pub(crate) fn items(&self) -> Vec<String> {
        let lines = self.text.lines();
        lines
            .filter_map(|line| line.strip_prefix(".It "))
            .map(plain)
            .collect()
    }

    /// True if an item begins with these words.
    pub(crate) fn has_item(&self, words: &str) -> bool {
        let begins = |item: &String| {
            let rest = item.strip_prefix(words);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        self.items().iter().any(begins)
    }

    /// The literal displays as rendered.
    pub(crate) fn displays(&self) -> Vec<String> {
        let parts = self.text.split("\n.Bd -literal").skip(1);
        parts
            .map(|part| {
                let (_, lines) = part.split_once('\n').unwrap();
                let (lines, _) = lines.split_once("\n.Ed\n").unwrap();
                plain(lines) + "\n"
            })
            .collect()
    }
}

/// Removes the escapes of mdoc.
fn plain(text: &str) -> String {
    let text = text.replace("\\&", "").replace("\\(dq", "\"");
    text.replace("\\e", "\\")
}
