//! The folder of one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use super::unique;
use crate::objects::compile::compile;
use crate::{scratch, shipped_object};

/// A folder of one test. Dropping it removes it, unless the test failed.
pub struct Folder(PathBuf);

impl Folder {
    /// Creates an empty folder.
    pub fn new() -> Self {
        let path = scratch().join(unique());
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Replaces a file by renaming, since a daemon that watches the file may read it at any time.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let new = self.0.join(".new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// Compiles `tests/objects/NAME.bpf.c` to `NAME.o` in the folder.
    pub fn fixture(&self, name: &str) {
        compile(name, &self.0);
    }

    /// Copies `target/bpf/NAME.o` into the folder.
    pub fn shipped(&self, name: &str) {
        fs::copy(shipped_object(name), self.file(&format!("{name}.o"))).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !thread::panicking() {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }
}
