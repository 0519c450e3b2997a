//! The format `ipset`: the output of `ipset save`.

use super::sink::Sink;
use super::{Reason, address};

/// Commands that give no entries.
const OTHER: [&str; 6] = ["flush", "destroy", "swap", "rename", "quit", "COMMIT"];
/// Maximum number of sets whose entries stand for networks.
const MAX_SETS: usize = 64;

/// Sets whose entries stand for networks: the name, and the word after `netmask` or `bitmask`.
pub(super) type Netmasks = Vec<(String, String)>;

/// Reads a line.
pub(super) fn line(
    text: &str,
    netmasks: &mut Netmasks,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Reason> {
    let mut words = text.split_ascii_whitespace();
    let options = |word: &&str| matches!(*word, "-exist" | "-!");
    match words.find(|word| !options(word)) {
        None => return Ok(()),
        Some(first) if first.starts_with('#') || OTHER.contains(&first) => return Ok(()),
        Some("create") => return create(words.filter(|word| !options(word)), netmasks),
        Some("add" | "-A") => {}
        Some(_) => return Err(Reason::Malformed),
    }
    let mut words = words.filter(|word| !options(word));
    let set = words.next();
    let entry = words.next().ok_or(Reason::Malformed)?;
    if words.any(|word| word == "nomatch") {
        return Err(Reason::Option);
    }
    let mut netmasks = netmasks.iter();
    match netmasks.find(|(name, _)| Some(name.as_str()) == set) {
        // A bitmask gives no prefix, so that the entry is skipped.
        Some((_, bits)) if !entry.contains(['/', '-']) => {
            address::put(&format!("{entry}/{bits}"), sink)
        }
        _ => address::put(entry, sink),
    }
}

/// Reads the words after `create`.
fn create<'t>(
    mut words: impl Iterator<Item = &'t str>,
    netmasks: &mut Netmasks,
) -> Result<(), Reason> {
    let set = words.next().ok_or(Reason::Malformed)?;
    netmasks.retain(|(name, _)| name != set);
    let mut words = words.skip_while(|word| !matches!(*word, "netmask" | "bitmask"));
    if let Some(bits) = words.nth(1) {
        if netmasks.len() == MAX_SETS {
            return Err(Reason::Option);
        }
        netmasks.push((set.into(), bits.into()));
    }
    Ok(())
}
