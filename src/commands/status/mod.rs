//! `corexdp status`: asks the daemon, and shows what it says.

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

/// Why there is nothing to show.
#[derive(Debug)]
pub enum Error {
    /// The daemon could not be asked.
    Asked(client::Error),
    /// The kernel refused to count.
    Counting(Errno),
}

impl Error {
    /// What to end with.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Asked(error) => error.code(),
            Self::Counting(Errno::EPERM) => exit::NO_PERMISSION,
            Self::Counting(_) => exit::SYSTEM,
        }
    }

    /// Whether it has been said already.
    pub const fn is_reported(&self) -> bool {
        matches!(self, Self::Asked(error) if error.is_reported())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(error) => error.fmt(f),
            Self::Counting(Errno::EPERM) => {
                f.write_str("not permitted to measure; it needs CAP_SYS_ADMIN")
            }
            Self::Counting(errno) => {
                let why = errno.desc();
                write!(f, "runs can't be measured, which takes kernel 5.8: {why}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// What the daemon at `control` says of itself: JSON, or a text for a person. With a time, runs are counted that long.
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

/// Only a terminal shows colours, and not all people want them.
fn has_colours() -> bool {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    wanted && io::stdout().is_terminal()
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
