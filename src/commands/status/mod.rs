//! `corexdp status`: the daemon's status, as JSON or as tables.

mod columns;
mod measure;
mod remarks;
mod style;
mod table;
mod text;
mod verdicts;
mod wrap;

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;

use crate::base::exit;
use crate::base::json::Value;
use crate::control::client;
use crate::control::{Payload, Request};
use crate::http::PAGE_SIZE;
use crate::kernel::{describe, errno};
use remarks::lacks_rates;
use style::Style;

/// Shortest time between two readings from which the daemon computes rates.
const RATE_PERIOD: Duration = Duration::from_secs(1);

/// Error of `status`.
#[derive(Debug)]
pub enum Error {
    /// The request to the daemon failed.
    Request(client::Error),
    /// The kernel refused to count program runs.
    Counting(Errno),
}

impl Error {
    /// Exit code.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Request(error) => error.code(),
            Self::Counting(Errno::EPERM) => exit::NO_PERMISSION,
            Self::Counting(_) => exit::SYSTEM,
        }
    }

    /// True if the daemon's messages already reported the error.
    pub const fn is_reported(&self) -> bool {
        matches!(self, Self::Request(error) if error.is_reported())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Counting(Errno::EPERM) => {
                f.write_str("not permitted to measure runs; start as root, or with CAP_SYS_ADMIN")
            }
            Self::Counting(errno) => {
                let reason = describe(*errno);
                write!(f, "cannot measure runs (needs kernel 5.8): {reason}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// Status of the daemon at `control`: JSON if `json` is true, else text. With a time, the kernel counts program runs for
/// that time. On a terminal, a status without rates is requested a second time after a second.
///
/// # Errors
/// See [`Error`].
pub fn show(control: &Path, json: bool, time: Option<Duration>) -> Result<String, Error> {
    let text = match time {
        None => fetch(control)?,
        Some(time) => measure::measure(time, &mut || fetch(control))?,
    };
    if json {
        return Ok(text);
    }
    let mut status = read(&text)?;
    // Not for a script, which would wait.
    if io::stdout().is_terminal() && time.is_none() && lacks_rates(&status) {
        sleep(RATE_PERIOD);
        status = read(&fetch(control)?)?;
    }
    Ok(text::text(&status, style()))
}

/// Colours on a terminal, unless `NO_COLOR` is set (no-color.org).
fn style() -> Style {
    let allowed = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if allowed && io::stdout().is_terminal() {
        Style::Coloured
    } else {
        Style::Plain
    }
}

/// The status as JSON.
///
/// # Errors
/// When the daemon does not answer, or refuses.
pub fn fetch(control: &Path) -> Result<String, Error> {
    let mut text = Vec::new();
    let fetched = client::fetch(control, &Request::Status, &mut |payload, memory| {
        let Payload::Text(length) = payload else {
            return Err(Errno::EBADMSG);
        };
        let length = u32::from_ne_bytes(length) as usize;
        if length > PAGE_SIZE {
            return Err(Errno::EBADMSG);
        }
        text.resize(length, 0);
        let read = File::from(memory).read_exact(&mut text);
        read.map_err(|error| errno(&error))
    });
    fetched.map_err(Error::Request)?;
    let unknown = Error::Request(client::Error::UnknownAnswer);
    String::from_utf8(text).map_err(|_| unknown)
}

fn read(text: &str) -> Result<Value, Error> {
    Value::read(text).ok_or(Error::Request(client::Error::UnknownAnswer))
}
