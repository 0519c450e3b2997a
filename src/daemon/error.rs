//! Errors of `run`, of a reload and of `confirm`.

use std::borrow::Cow;
use std::fmt;
use std::io;

use nix::errno::Errno;

use crate::base::diagnostic::{Blame, Diagnostic};

/// Error of `run`, of a reload or of `confirm`.
#[derive(Debug)]
pub enum Error {
    /// The Corefile, its objects or interfaces are wrong, or the kernel refuses them: all diagnostics.
    Refused(Vec<Diagnostic>),
    /// A step of setting up the process failed; its message, and the error of the system.
    Process(Cow<'static, str>, io::Error),
    /// Another process listens on the control socket; the message.
    Occupied(String),
    /// Capabilities are missing; their names.
    Missing(String),
    /// The Corefile to be reloaded came from standard input, which cannot be read twice.
    Stdin,
    /// The file cannot be tried; the reason.
    NoTrial(&'static str),
    /// The last start or reload is not confirmed yet.
    Unconfirmed,
    /// There is no unconfirmed start or reload.
    NothingToConfirm,
}

impl Error {
    /// A failed step of setting up the process, such as `cannot write pid file PATH`.
    pub(super) fn process(step: impl Into<Cow<'static, str>>, error: impl Into<io::Error>) -> Self {
        Self::Process(step.into(), error.into())
    }

    /// One line for each error, with the error of the system and its remedy.
    pub fn chain(&self) -> String {
        match self {
            Self::Process(_, error) => format!("{self}: {error}{}", remedy(error)),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(wrong) => {
                for (index, diagnostic) in wrong.iter().enumerate() {
                    write!(f, "{}{diagnostic}", if index == 0 { "" } else { "\n" })?;
                }
                Ok(())
            }
            Self::Process(what, _) => f.write_str(what),
            Self::Occupied(what) => f.write_str(what),
            Self::Missing(names) => write!(f, "not permitted: {names} missing; start as root, or with them"),
            Self::Stdin => f.write_str(
                "the Corefile came from standard input, which cannot be read again; start with -conf FILE",
            ),
            Self::NoTrial(reason) => f.write_str(reason),
            Self::Unconfirmed => {
                f.write_str("the last start or reload is not confirmed yet; run `corexdp confirm` first, or wait for the rollback")
            }
            Self::NothingToConfirm => {
                f.write_str("there is nothing to confirm; a change that was not confirmed in time is rolled back")
            }
        }
    }
}

impl std::error::Error for Error {}

/// Remedy for an error of a resource limit; empty for other errors.
fn remedy(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE) => "; raise the limit of open files (ulimit -n, LimitNOFILE=)",
        Some(Errno::EFBIG) => "; raise the limit of file sizes (ulimit -f, LimitFSIZE=)",
        _ => "",
    }
}

impl From<Diagnostic> for Error {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Refused(vec![diagnostic])
    }
}

/// The party at fault, which determines the exit code.
pub fn fault(error: &Error) -> Blame {
    match error {
        Error::Refused(wrong) => worst(wrong),
        Error::Process(_, source) if source.kind() == io::ErrorKind::PermissionDenied => {
            Blame::Privilege
        }
        Error::Missing(_) => Blame::Privilege,
        Error::NoTrial(_) => Blame::Corefile,
        Error::Process(..) | Error::Stdin => Blame::System,
        Error::Occupied(_) | Error::Unconfirmed | Error::NothingToConfirm => Blame::Interface,
    }
}

/// The party at fault for several errors: the Corefile if any error is in its text, else the party of the first error.
pub fn worst(wrong: &[Diagnostic]) -> Blame {
    let in_corefile = wrong
        .iter()
        .find(|diagnostic| diagnostic.blame == Blame::Corefile);
    in_corefile
        .or(wrong.first())
        .map_or(Blame::System, |diagnostic| diagnostic.blame)
}
