//! `corexdp status`: the daemon's status, as JSON or as tables.

mod measure;
mod table;
mod text;

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;

use crate::base::exit;
use crate::base::json::Value;
use crate::control::client;
use crate::control::{Payload, Request};
use crate::http::PAGE_SIZE;
use crate::kernel::errno;

/// Reason for a missing status.
#[derive(Debug)]
pub enum Error {
    /// The daemon could not be asked.
    Asked(client::Error),
    /// The kernel refused to count program runs.
    Counting(Errno),
}

impl Error {
    /// Exit code.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Asked(error) => error.code(),
            Self::Counting(Errno::EPERM) => exit::NO_PERMISSION,
            Self::Counting(_) => exit::SYSTEM,
        }
    }

    /// True for an error that was already printed.
    pub const fn is_reported(&self) -> bool {
        matches!(self, Self::Asked(error) if error.is_reported())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(error) => error.fmt(f),
            Self::Counting(Errno::EPERM) => {
                f.write_str("not permitted to measure runs; start as root, or with CAP_SYS_ADMIN")
            }
            Self::Counting(errno) => {
                let reason = errno.desc();
                write!(f, "cannot measure runs (kernel 5.8): {reason}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// Status of the daemon at `control`, as JSON or as text. With a time, the kernel counts program runs for that time.
///
/// # Errors
/// See [`Error`].
pub fn show(control: &Path, json: bool, time: Option<Duration>) -> Result<String, Error> {
    let text = match time {
        None => fetch(control)?,
        Some(time) => measure::over(time, &mut || fetch(control))?,
    };
    if json {
        return Ok(text);
    }
    let status = read(&text)?;
    Ok(text::text(&status, has_colours()))
}

/// True on a terminal, unless `NO_COLOR` is set (no-color.org).
fn has_colours() -> bool {
    let allowed = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    allowed && io::stdout().is_terminal()
}

fn fetch(control: &Path) -> Result<String, Error> {
    let mut text = Vec::new();
    let fetched = client::fetch(control, Request::Status, &mut |what, memory| {
        let Payload::Text(length) = what else {
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
    fetched.map_err(Error::Asked)?;
    let garbled = Error::Asked(client::Error::UnknownAnswer);
    String::from_utf8(text).map_err(|_| garbled)
}

fn read(text: &str) -> Result<Value, Error> {
    Value::read(text).ok_or(Error::Asked(client::Error::UnknownAnswer))
}
