//! `corexdp test`: the entry that decides about a key, and where the entry comes from.

mod deciding;
mod origin;

use std::fmt::{Display, Write as _};
use std::path::PathBuf;

use nix::errno::Errno;

use crate::base::escape::{Escaped, Plain};
use crate::base::exit;
use crate::commands::running_map::{self, RunningMap};
use crate::config::InterfaceName;
use crate::config::decision::Order;
use crate::control::Request;
use crate::control::client::Error;
use crate::encode::Encoder;
use crate::kernel::map_scan::Scan;
use deciding::Decider;
use origin::Corefile;

/// Exit code if no entry decides.
pub const NOTHING: u8 = 1;

/// Options of `test`.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Path of the control socket.
    pub control: PathBuf,
    /// The only interface; `None` for all interfaces.
    pub interface: Option<InterfaceName>,
    /// `[@MAP] KEY`.
    pub words: Vec<String>,
}

/// Writes to `out` a line for each entry that decides about the key, and returns the exit code.
///
/// # Errors
/// When the daemon does not answer.
pub fn run(
    options: &Options,
    out: &mut String,
    report: &mut dyn FnMut(&dyn Display),
) -> Result<u8, Error> {
    let order = match Order::parse_key(&options.words) {
        Ok(order) => order,
        Err(message) => {
            report(&format_args!("test: {}", Escaped(&message)));
            return Ok(exit::USAGE);
        }
    };
    let maps = running_map::fetch(&options.control, &Request::Dump)?;
    let is_named = |running: &&RunningMap| {
        let interface = options.interface.as_deref();
        interface.is_none_or(|name| name == running.place.interface)
            && order.map.as_ref().is_none_or(|map| *map == running.name)
    };
    let named: Vec<_> = maps.iter().filter(is_named).collect();
    if named.is_empty() {
        report(&"test: no such map; `corexdp status` shows the maps");
        return Ok(exit::UNAVAILABLE);
    }
    let (mut scan, mut refused) = (Box::<Scan>::default(), None);
    let (mut corefile, mut is_asked) = (None, false);
    for running in named {
        match test_map(running, &order.key, &mut scan) {
            Ok(Found::Refused(message)) => refused = refused.or(Some(message)),
            Ok(Found::Nothing) => is_asked = true,
            Ok(Found::Entry { line, key }) => {
                is_asked = true;
                let origin = match running.decision(&key) {
                    Some(end) => end.to_string(),
                    None => {
                        let corefile =
                            corefile.get_or_insert_with(|| Corefile::read(&options.control));
                        corefile.origin(running, &key)
                    }
                };
                let _ = writeln!(out, "{}: {line} # {}", running.place, Escaped(&origin));
            }
            Err(errno) => {
                let (place, name) = (&running.place, Plain(&running.name));
                let why = errno.desc();
                report(&format_args!("test: {place}: {name} cannot be read: {why}"));
                return Ok(exit::SYSTEM);
            }
        }
    }
    Ok(match refused {
        _ if !out.is_empty() => exit::DONE,
        Some(message) if !is_asked => {
            report(&format_args!("test: {}", Escaped(&message)));
            exit::USAGE
        }
        _ => {
            report(&format_args!(
                "no entry decides about {}",
                Plain(&order.key)
            ));
            NOTHING
        }
    })
}

/// Result of a map.
enum Found {
    /// The key is not one of the map.
    Refused(String),
    Nothing,
    Entry {
        /// The entry as a line of a Corefile.
        line: String,
        key: Vec<u8>,
    },
}

fn test_map(running: &RunningMap, word: &str, scan: &mut Scan) -> Result<Found, Errno> {
    let (map, info) = running.open()?;
    let kind = info.definition.kind;
    if kind.is_array() || !kind.holds_bytes() {
        return Ok(Found::Refused(format!(
            "{} has no keys to look up; name another map",
            Plain(&running.name)
        )));
    }
    let types = running.types(&info)?;
    let mut encoder = Encoder::new(&info.definition, types.as_ref());
    let decider = Decider {
        map: &map,
        encoder: &encoder,
    };
    let (key, value) = match decider.find(word, scan)? {
        Err(message) => return Ok(Found::Refused(message)),
        Ok(None) => return Ok(Found::Nothing),
        Ok(Some(entry)) => entry,
    };
    let mut line = String::new();
    // The values of other CPUs differ in their counters.
    let value = map.shape().values(&value).next().unwrap_or_default();
    encoder.line(&running.name, &key, value, &mut line);
    Ok(Found::Entry { line, key })
}
