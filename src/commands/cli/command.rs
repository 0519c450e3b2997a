//! The commands with their options: types only.

use std::path::PathBuf;
use std::time::Duration;

use crate::commands::{capture, decide, test, top};
use crate::control::Request;
use crate::plan::Source;

/// A command with its options.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the daemon until a signal stops it.
    Run {
        /// Source of the Corefile; `None` for the default.
        source: Option<Source>,
        /// The Corefile that runs while the other is refused.
        fallback: Option<PathBuf>,
        /// Destination of messages; `None` for the default.
        log: Option<LogTarget>,
        /// Path of the pid file.
        pidfile: Option<PathBuf>,
        /// Path of the control socket; `None` for the default path, for which a failure is only a warning.
        control: Option<PathBuf>,
        /// Folder of the file that keeps decisions.
        state: PathBuf,
        /// Time within which the start must be confirmed.
        confirm: Option<Duration>,
    },
    /// Send a request to the daemon.
    Send {
        /// Path of the control socket.
        control: PathBuf,
        /// Request to send.
        request: Request<'static>,
    },
    /// Try a file in place of the Corefile.
    Try {
        /// Path of the control socket.
        control: PathBuf,
        /// The file on trial.
        file: PathBuf,
        /// Time within which the file must be confirmed.
        time: Duration,
    },
    /// Confirm the last start or reload.
    Confirm {
        /// Path of the control socket.
        control: PathBuf,
    },
    /// Show the status of the daemon.
    Status {
        /// Path of the control socket.
        control: PathBuf,
        /// True for JSON, false for text.
        json: bool,
        /// Time for which the kernel counts program runs.
        measure: Option<Duration>,
    },
    /// Show every entry of the running maps.
    Dump {
        /// Path of the control socket.
        control: PathBuf,
        /// True for JSON, false for lines of a Corefile.
        json: bool,
    },
    /// Add or delete decisions.
    Decide(decide::Options),
    /// Show the entry that decides about a key.
    Test(test::Options),
    /// Show packets with their verdicts.
    Capture(capture::Options),
    /// Show who sends most, and what.
    Top(top::Options),
    /// Validate the Corefile and its objects.
    Check {
        /// Source of the Corefile; `None` for the default.
        source: Option<Source>,
        /// True for JSON, false for lines of text.
        json: bool,
    },
    /// Show the Corefile as parsed.
    Expand {
        /// Source of the Corefile; `None` for the default.
        source: Option<Source>,
    },
    /// Show the content of an object.
    Inspect {
        /// Path of the object file.
        program: PathBuf,
        /// True for JSON, false for text.
        json: bool,
    },
    /// Show the version.
    Version,
    /// Show the usage.
    Help,
    /// Run the keeper of the page's workers. The daemon uses this internal command.
    Keeper,
}

/// Destination of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard error.
    Stderr,
    /// System log (`/dev/log`).
    Syslog,
    /// No destination (`-quiet`).
    Quiet,
}
