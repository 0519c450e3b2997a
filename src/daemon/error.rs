//! Errors of `run`.

use std::borrow::Cow;
use std::fmt;
use std::io;

use nix::errno::Errno;

use crate::base::diagnostic::{Blame, Diagnostic};

/// Reason why `run`, or a reload, did not succeed.
#[derive(Debug)]
pub enum Error {
    /// Everything wrong with the Corefile, the objects, the interfaces, or in the kernel.
    Refused(Vec<Diagnostic>),
    /// The process could not be set up.
    Process(Cow<'static, str>, io::Error),
    /// Another process has what this one needs.
    Occupied(String),
    /// Missing capabilities, by name.
    Missing(String),
    /// A reload of a Corefile from standard input, which cannot be read twice.
    Stdin,
    /// A start or reload still waits for confirmation.
    Unconfirmed,
    /// Nothing waits for confirmation.
    NothingToConfirm,
}

impl Error {
    /// A step of the process that failed, such as `cannot write pid file PATH`.
    pub(super) fn process(step: impl Into<Cow<'static, str>>, error: impl Into<io::Error>) -> Self {
        Self::Process(step.into(), error.into())
    }

    /// One line for each error, with its causes.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        if let Self::Process(_, error) = self {
            text.push_str(remedy(error));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(wrong) => {
                for (index, one) in wrong.iter().enumerate() {
                    write!(f, "{}{one}", if index == 0 { "" } else { "\n" })?;
                }
                Ok(())
            }
            Self::Process(what, _) => f.write_str(what),
            Self::Occupied(what) => f.write_str(what),
            Self::Missing(names) => write!(f, "not permitted: {names} missing; start as root, or with them"),
            Self::Stdin => f.write_str(
                "the Corefile came from standard input, which cannot be read again; start with -conf FILE",
            ),
            Self::Unconfirmed => {
                f.write_str("the last start or reload waits to be confirmed; `corexdp confirm` keeps it")
            }
            Self::NothingToConfirm => {
                f.write_str("nothing waits to be confirmed; if its time is over, it was rolled back")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(_)
            | Self::Occupied(_)
            | Self::Missing(_)
            | Self::Stdin
            | Self::Unconfirmed
            | Self::NothingToConfirm => None,
            Self::Process(_, source) => Some(source),
        }
    }
}

/// The remedy for an error that a resource limit causes.
fn remedy(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE) => "; raise the limit of open files (ulimit -n, LimitNOFILE=)",
        Some(Errno::EFBIG) => "; raise the limit of file sizes (ulimit -f, LimitFSIZE=)",
        _ => "",
    }
}

impl From<Diagnostic> for Error {
    fn from(one: Diagnostic) -> Self {
        Self::Refused(vec![one])
    }
}

/// The party at fault, which decides the exit code.
pub fn fault(error: &Error) -> Blame {
    match error {
        Error::Refused(wrong) => worst(wrong),
        Error::Process(_, source) if source.kind() == io::ErrorKind::PermissionDenied => {
            Blame::Privilege
        }
        Error::Missing(_) => Blame::Privilege,
        Error::Process(..) | Error::Stdin => Blame::System,
        Error::Occupied(_) | Error::Unconfirmed | Error::NothingToConfirm => Blame::Interface,
    }
}

/// The blame for several errors: the Corefile's text if one of them is in it, since it is read first; else the first one's.
pub fn worst(wrong: &[Diagnostic]) -> Blame {
    let text = wrong.iter().find(|one| one.blame == Blame::Corefile);
    text.or(wrong.first())
        .map_or(Blame::System, |one| one.blame)
}
