//! What is wrong with a pin.

use std::fmt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::base::diagnostic::Blame;
use crate::filter::blame;

/// A pin, and what is wrong with it.
#[derive(Debug)]
pub(in crate::filter) struct PinError {
    path: PathBuf,
    what: &'static str,
    /// `None` for something that somebody else put there.
    errno: Option<Errno>,
}

impl PinError {
    pub(in crate::filter) fn new(path: &Path, what: &'static str, errno: Option<Errno>) -> Self {
        Self {
            path: path.into(),
            what,
            errno,
        }
    }

    /// Whose fault it is.
    pub(in crate::filter) const fn blame(&self) -> Blame {
        match self.errno {
            None => Blame::Interface,
            Some(errno) => blame(errno),
        }
    }

    /// The kernel's answer about what is at `path`.
    pub(in crate::filter) fn unknown(path: &Path, errno: Errno) -> Self {
        Self::new(path, "can't be looked at", Some(errno))
    }
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.what)?;
        self.errno
            .map_or(Ok(()), |errno| write!(f, ": {}", errno.desc()))
    }
}
