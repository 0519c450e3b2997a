//! `corexdp top`: who sends, what is asked, and whether it is dropped.
//!
//! The command asks the daemon for samples, counts them by source, name and type, and shows the heaviest. On a terminal
//! the screen shows the last 10 s and changes once a second; elsewhere one report is written at the end.

mod estimate;
mod gaps;
mod input;
mod json;
mod level;
mod report;
mod sampled;
mod screen;
mod session;
mod sketch;
mod table;
mod tally;
mod text;
mod weights;

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _, stdout};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;

use crate::base::exit;
use crate::base::files;
use crate::config::InterfaceName;
use crate::control::client;
use crate::kernel::describe;
use session::Session;
pub use table::By;
use text::Lines;

/// Time of a report without `--for`.
const TIME: Duration = Duration::from_secs(5);
/// Rows of a table in a report without `-n`.
const ROWS: usize = 10;
/// Columns of a report that is not for a terminal: an address of IPv6, and most names, fit.
const COLUMNS: usize = 100;

/// Options of `top`.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Path of the control socket.
    pub control: PathBuf,
    /// The only interface, unless `None`.
    pub interface: Option<InterfaceName>,
    /// Subject of the table; `None` for sources and names.
    pub by: Option<By>,
    /// Maximum number of rows of a table.
    pub count: Option<u32>,
    /// Time after which the command ends.
    pub time: Option<Duration>,
    /// True for JSON, false for text.
    pub json: bool,
}

/// Error of `top`.
#[derive(Debug)]
pub enum Error {
    /// The daemon gave no samples.
    Samples(client::Error),
    /// The kernel refused to wait for samples and signals.
    Wait(Errno),
    /// The screen or the report could not be written.
    Output(io::Error),
}

impl Error {
    /// Exit code.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Samples(error) => error.code(),
            Self::Wait(_) | Self::Output(_) => exit::SYSTEM,
        }
    }

    /// True if the daemon's messages already reported the error.
    pub const fn is_reported(&self) -> bool {
        matches!(self, Self::Samples(error) if error.is_reported())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Samples(error) => error.fmt(f),
            Self::Wait(errno) => write!(f, "cannot wait for samples: {}", describe(*errno)),
            Self::Output(error) => write!(f, "standard output: {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// Shows samples until a signal, the key `q` or the end of the time. A reader of standard output that stops early is no
/// error.
///
/// # Errors
/// See [`Error`].
pub fn run(options: &Options) -> Result<(), Error> {
    let is_live = !options.json && stdout().is_terminal();
    let time = options.time.or((!is_live).then_some(TIME));
    let mut session = Session::open(options, time)?;
    let count = options.count.map(|count| count as usize);
    if is_live {
        return session.show(options.by, count);
    }
    session.collect()?;
    let report = session.report(false);
    let count = count.unwrap_or(ROWS);
    let written = files::stdout().and_then(|mut out| {
        if options.json {
            json::write(&mut out, &report, options.by, count)?;
        } else {
            let mut lines = Lines::new(COLUMNS);
            text::write(&mut lines, &report, options.by, count);
            out.write_all(lines.text.as_bytes())?;
        }
        out.flush()
    });
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}
