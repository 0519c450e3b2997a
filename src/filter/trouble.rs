//! What is wrong with a pin.

use std::fmt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::blame;
use crate::config::Blame;

/// A pin, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Trouble {
    path: PathBuf,
    what: &'static str,
    /// `None` for something that somebody else put there.
    errno: Option<Errno>,
}

impl Trouble {
    pub(super) fn new(path: &Path, what: &'static str, errno: Option<Errno>) -> Self {
        Self {
            path: path.into(),
            what,
            errno,
        }
    }

    /// Whose fault it is.
    pub(super) const fn blame(&self) -> Blame {
        match self.errno {
            None => Blame::Interface,
            Some(errno) => blame(errno),
        }
    }

    /// The kernel's answer about what is at `path`.
    pub(super) fn unknown(path: &Path, errno: Errno) -> Self {
        Self::new(path, "can't be looked at", Some(errno))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.what)?;
        self.errno
            .map_or(Ok(()), |errno| write!(f, ": {}", errno.desc()))
    }
}
