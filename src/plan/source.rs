//! The source of a Corefile.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The source of a Corefile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, by the path that the operator gave.
    File(PathBuf),
    /// A file on trial, by its absolute path. Its relative paths start at the folder of the Corefile whose place it may take.
    Trial {
        /// The file on trial.
        file: PathBuf,
        /// The Corefile.
        corefile: PathBuf,
    },
    /// Standard input.
    Stdin,
}

impl Source {
    /// The default: `./Corefile` if it exists, else `/etc/corexdp/Corefile`.
    pub fn default_corefile() -> Self {
        let here = PathBuf::from("Corefile");
        Self::File(if here.exists() {
            here
        } else {
            PathBuf::from("/etc/corexdp/Corefile")
        })
    }

    /// The file's name as given, or `stdin`; `None` for a name that is not UTF-8.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Stdin => Some("stdin"),
            Self::File(path) | Self::Trial { file: path, .. } => path.to_str(),
        }
    }

    /// The base folder of relative paths.
    pub(super) fn folder(&self) -> io::Result<PathBuf> {
        match self {
            Self::Stdin => std::env::current_dir(),
            Self::File(path) | Self::Trial { corefile: path, .. } => {
                let path = std::path::absolute(path)?;
                Ok(path.parent().unwrap_or(Path::new("/")).to_owned())
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("stdin"),
            Self::File(path) | Self::Trial { file: path, .. } => path.display().fmt(f),
        }
    }
}
