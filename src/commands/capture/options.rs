//! Options of `capture`.

use std::path::PathBuf;
use std::time::Duration;

use crate::base::escape::Quoted;
use crate::control::SampleRequest;
use crate::object::frame::sample::{ALL_VERDICTS, verdict_bits};

/// Maximum number of samples a second, unless given.
pub const RATE: u32 = 1000;

/// Selection, end and destination of the packets.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Path of the control socket.
    pub control: PathBuf,
    /// Selection of the packets.
    pub request: SampleRequest,
    /// Number of packets after which the capture ends.
    pub count: Option<u32>,
    /// Time after which the capture ends.
    pub time: Option<Duration>,
    /// File for pcapng, `-` for standard output; `None` for lines of text.
    pub file: Option<PathBuf>,
}

/// Reads a list of verdicts such as `drop,tx`: the bits of a request for samples. Without a list, all verdicts.
///
/// # Errors
/// When a name is unknown.
pub fn verdicts(list: Option<&str>) -> Result<u32, String> {
    let Some(list) = list else {
        return Ok(ALL_VERDICTS);
    };
    list.split(',').try_fold(0, |set, name| {
        let bits = verdict_bits(name).ok_or_else(|| {
            format!(
                "--verdict {}: use pass, drop, tx, redirect or aborted",
                Quoted(name)
            )
        })?;
        Ok(set | bits)
    })
}
