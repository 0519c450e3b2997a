//! `corexdp test`: the entry that decides about a key, and where the entry comes from.

mod lookup;
pub(super) mod origin;
pub(super) mod table;

use std::fmt::{Display, Write as _};
use std::path::PathBuf;

use nix::errno::Errno;

use crate::base::capacity::MAX_KEY;
use crate::base::escape::{Escaped, Plain};
use crate::base::exit;
use crate::commands::open_map::{OpenMap, open_maps, report_error};
use crate::commands::running_map::{self, RunningMap};
use crate::config::InterfaceName;
use crate::config::decision::{End, Order};
use crate::control::Request;
use crate::control::client::Error;
use crate::filter::Content;
use crate::kernel::map_scan::Scan;
use crate::object::MapKind;
use crate::table::Source;
use lookup::Lookup;
use origin::{Origins, Wanted};

/// Exit code if no entry decides.
pub const NOTHING: u8 = 1;
/// The map by which a Corefile configures a shipped program.
const SETTINGS: &str = "settings";

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

/// The entry that decides.
pub(super) struct Deciding {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// As in [`Wanted::source`].
    source: Option<Source>,
    /// The end, if the entry is a decision.
    pub(super) end: Option<End>,
}

impl Deciding {
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            key: &self.key,
            value: &self.value,
            source: self.source,
        }
    }
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
    let mut opened = Vec::with_capacity(maps.len());
    let mut is_complete = true;
    for maps in maps.chunk_by(|one, next| one.place == next.place) {
        opened.append(&mut open_maps(maps, &mut is_complete, report));
    }
    opened.retain(|open| is_named(&open.running));
    if opened.is_empty() {
        report(&"test: no such map; `corexdp status` shows the maps");
        return Ok(exit::UNAVAILABLE);
    }
    let (mut scan, mut refused) = (Box::<Scan>::default(), String::new());
    let (origins, mut is_asked) = (Origins::new(&options.control), false);
    let mut changed = None;
    for open in &opened {
        let running = open.running;
        match test_map(open, &order.key, &mut scan) {
            Ok(Err(message)) => {
                join(&mut refused, &message);
                if let Some(line) = settings(open, &mut scan) {
                    report(&format_args!(
                        "{}: settings of the program also decide: {line}",
                        running.place
                    ));
                }
            }
            Ok(Ok(None)) => {
                is_asked = true;
                changed = changed.or_else(|| origins.changed(running));
            }
            Ok(Ok(Some(found))) => {
                is_asked = true;
                let origin = if let Some(end) = &found.end {
                    end.to_string()
                } else {
                    origins.origin(running, &found.wanted())
                };
                let mut line = String::new();
                open.encoder()
                    .line(&running.name, &found.key, &found.value, &mut line);
                let _ = writeln!(out, "{}: {line} # {}", running.place, Escaped(&origin));
            }
            Err(errno) => {
                report_error(running, "cannot be read", errno, report);
                return Ok(exit::SYSTEM);
            }
        }
    }
    Ok(match refused {
        _ if !out.is_empty() => exit::DONE,
        _ if !is_asked => {
            if refused.is_empty() {
                refused.push_str("no keys to look up; name another map");
            }
            report(&format_args!("test: {}", Escaped(&refused)));
            exit::USAGE
        }
        _ => {
            let key = Plain(&order.key);
            match changed {
                Some(file) => report(&format_args!(
                    "no entry decides about {key}; {} has changed since the daemon read it: reload",
                    Escaped(&file)
                )),
                None => report(&format_args!("no entry decides about {key}")),
            }
            NOTHING
        }
    })
}

/// Appends the message of one more map, unless the message of another map is the same.
pub(super) fn join(messages: &mut String, message: &str) {
    if !messages.contains(message) {
        messages.push_str(if messages.is_empty() { "" } else { "; " });
        messages.push_str(message);
    }
}

/// The line of the program's settings, such as `monitor` and `unlisted`; `None` if all are 0.
fn settings(open: &OpenMap<'_>, scan: &mut Scan) -> Option<String> {
    let (Content::Map(map), name) = (&open.content, &open.running.name) else {
        return None;
    };
    if name != SETTINGS || open.definition.kind != MapKind::ARRAY {
        return None;
    }
    let (key, mut line) = ([0; 4], String::new());
    let value = scan.value(map, &key).ok()??;
    if value.iter().all(|byte| *byte == 0) {
        return None;
    }
    open.encoder().line(name, &key, value, &mut line);
    Some(line)
}

/// The entry of a map that decides about the key `word`; a message if `word` is not a key of the map. The message is empty
/// if the map has no keys.
pub(super) fn test_map(
    open: &OpenMap<'_>,
    word: &str,
    scan: &mut Scan,
) -> Result<Result<Option<Deciding>, String>, Errno> {
    let kind = open.definition.kind;
    if kind.is_array() || !kind.holds_bytes() {
        return Ok(Err(String::new()));
    }
    let (mut key, encoder) = ([0; MAX_KEY], open.encoder());
    let size = match encoder.key(word, &mut key) {
        Ok(size) => size,
        Err(message) => return Ok(Err(message)),
    };
    let key = key.get_mut(..size).unwrap_or_default();
    encoder.clear_host_bits(key);
    let found = match &open.content {
        Content::Table(table) => table::find(table, key, scan),
        Content::Map(map) => {
            let found = Lookup {
                map,
                encoder: &encoder,
            }
            .find(word, key, scan);
            found.map(|found| {
                found.map(|(key, value)| Deciding {
                    end: open.running.decision(&key),
                    source: None,
                    // The values of other CPUs differ in their counters.
                    value: map
                        .shape()
                        .values(&value)
                        .next()
                        .unwrap_or_default()
                        .to_vec(),
                    key,
                })
            })
        }
    };
    found.map(Ok)
}
