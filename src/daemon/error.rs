//! Why `run` ended otherwise than by a signal.

use std::fmt;
use std::io;

use crate::base::diagnostic::{Blame, Diagnostic};

/// Why `run` did not run, or stopped.
#[derive(Debug)]
pub enum Error {
    /// The Corefile, an object, an interface or the kernel: all that is wrong.
    Refused(Vec<Diagnostic>),
    /// The process could not be set up.
    Process(&'static str, io::Error),
    /// These capabilities.
    Missing(String),
    /// Another page is wanted, and who makes workers for it has died.
    NoKeeper,
    /// A Corefile from standard input, which can't be read twice.
    Stdin,
    /// What an earlier reload put in place waits to be confirmed.
    Unconfirmed,
    /// There is nothing to confirm.
    NothingToConfirm,
}

impl Error {
    /// What is wrong and what caused it, in a line for each thing that is wrong.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
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
            Self::Missing(names) => write!(f, "not permitted: {names} missing; start as root, or with them"),
            Self::NoKeeper => f.write_str("the page can't change, since the keeper of its workers died; start corexdp again"),
            Self::Stdin => f.write_str(
                "the Corefile came from standard input, which can't be read again; start with -conf FILE",
            ),
            Self::Unconfirmed => {
                f.write_str("what was put in place last waits to be confirmed; `corexdp confirm` keeps it")
            }
            Self::NothingToConfirm => {
                f.write_str("nothing waits to be confirmed; if something did, it was too late and is undone")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(_)
            | Self::Missing(_)
            | Self::NoKeeper
            | Self::Stdin
            | Self::Unconfirmed
            | Self::NothingToConfirm => None,
            Self::Process(_, source) => Some(source),
        }
    }
}

impl From<Diagnostic> for Error {
    fn from(one: Diagnostic) -> Self {
        Self::Refused(vec![one])
    }
}

/// Whose fault it is that `run` ended; decides the exit code.
pub fn fault(error: &Error) -> Blame {
    match error {
        Error::Refused(wrong) => worst(wrong),
        Error::Process(_, source) if source.kind() == io::ErrorKind::PermissionDenied => {
            Blame::Privilege
        }
        Error::Missing(_) => Blame::Privilege,
        Error::Process(..) | Error::NoKeeper | Error::Stdin => Blame::System,
        Error::Unconfirmed | Error::NothingToConfirm => Blame::Interface,
    }
}

/// The blame for several things that are wrong: the Corefile's text first, since it is read first; else the first one's.
pub fn worst(wrong: &[Diagnostic]) -> Blame {
    let text = wrong.iter().find(|one| one.blame == Blame::Corefile);
    text.or(wrong.first())
        .map_or(Blame::System, |one| one.blame)
}
