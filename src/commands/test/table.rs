//! The entry of a table that decides about an address or a name. A decision counts as a line of the Corefile: the longest
//! network or name of both decides, and before the items of lists.

use nix::errno::Errno;

use super::Deciding;
use super::origin::Wanted;
use crate::base::ktime;
use crate::commands::running_map::end;
use crate::encode::{WIRE_SIZE, name_to_wire, write_wire};
use crate::filter::{Parts, RunningTable};
use crate::kernel::map_scan::Scan;
use crate::table::Source;
use crate::table::names::{self, Scope};
use crate::table::prefix::{self, Prefix};

/// The longest of the decisions that match.
struct Longest {
    deciding: Deciding,
    /// Bits of the network, or bytes of the name.
    length: usize,
}

/// An entry of lines or lists.
pub(in crate::commands) struct Listed {
    pub(in crate::commands) key: Vec<u8>,
    pub(in crate::commands) value: Vec<u8>,
    /// 0 for lines of the Corefile.
    pub(in crate::commands) source: Source,
    /// Bits of the network, or bytes of the name.
    length: usize,
}

impl Listed {
    pub(in crate::commands) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            key: &self.key,
            value: &self.value,
            source: Some(self.source),
        }
    }
}

/// The entry that decides about `key`; about a network, the entry that decides about its first address.
pub(super) fn find(
    table: &RunningTable,
    key: &[u8],
    scan: &mut Scan,
) -> Result<Option<Deciding>, Errno> {
    let decision = decision(table, key, scan)?;
    let mapped = table.map_parts()?;
    let entry = |listed: Listed| Deciding {
        key: listed.key,
        value: listed.value,
        source: Some(listed.source),
        end: None,
    };
    Ok(match (decision, listed(table, mapped.parts()?, key)?) {
        (Some(decision), Some(listed)) if listed.source == 0 && listed.length > decision.length => {
            Some(entry(listed))
        }
        (Some(decision), _) => Some(decision.deciding),
        (None, listed) => listed.map(entry),
    })
}

/// The entry of lines and lists that decides about `key` without decisions.
pub(in crate::commands) fn listed(
    table: &RunningTable,
    parts: Parts<'_>,
    key: &[u8],
) -> Result<Option<Listed>, Errno> {
    let mut value = vec![0; table.shape().value_size];
    match parts {
        Parts::Prefixes(parts) => {
            let address = Prefix::from_key(key).ok_or(Errno::EINVAL)?.address;
            Ok(prefix::deciding(parts, address).map(|entry| {
                parts.value(entry.leaf, table.layout(), &mut value);
                Listed {
                    key: entry.prefix.to_key().to_vec(),
                    value,
                    source: entry.source,
                    length: entry.prefix.length.into(),
                }
            }))
        }
        Parts::Names(parts) => {
            let mut wire = [0; WIRE_SIZE];
            let wire = name_to_wire(key, &mut wire);
            let found = names::deciding(&parts, table.layout(), wire, &mut value);
            Ok(found.and_then(|found| {
                let size = usize::from(found.size);
                let mut key = vec![0; key.len()];
                let listed = wire.get(wire.len().checked_sub(size)?..)?;
                write_wire(listed, &mut key).ok()?;
                found.scope.put(table.layout(), &mut value);
                Some(Listed {
                    key,
                    value,
                    source: found.source,
                    length: size,
                })
            }))
        }
    }
}

/// The decision that matches `key` and is the longest.
fn decision(
    table: &RunningTable,
    wanted: &[u8],
    scan: &mut Scan,
) -> Result<Option<Longest>, Errno> {
    let mapped = table.map_parts()?;
    let is_network = matches!(mapped.parts()?, Parts::Prefixes(_));
    let (now, mut longest) = (ktime::now(), None::<Longest>);
    table.each_decision(scan, &mut |key, value, until| {
        let length = if is_network {
            network_length(wanted, key)
        } else {
            name_length(table, wanted, key, value)
        };
        let is_over = until.is_some_and(|until| until <= now);
        let is_longer = |length: usize| longest.as_ref().is_none_or(|found| found.length < length);
        if let Some(length) = length.filter(|length| !is_over && is_longer(*length)) {
            longest = Some(Longest {
                length,
                deciding: Deciding {
                    key: key.to_vec(),
                    value: value.to_vec(),
                    source: None,
                    end: Some(end(until)),
                },
            });
        }
    })?;
    Ok(longest)
}

/// Bits of the network `key`, if it contains the first address of `wanted`.
fn network_length(wanted: &[u8], key: &[u8]) -> Option<usize> {
    let (wanted, network) = (Prefix::from_key(wanted)?, Prefix::from_key(key)?);
    let contains = network.contains(wanted.address);
    contains.then_some(network.length.into())
}

/// Bytes of the name `key`, if it matches `wanted`.
fn name_length(table: &RunningTable, wanted: &[u8], key: &[u8], value: &[u8]) -> Option<usize> {
    let mut wires = [[0; WIRE_SIZE]; 2];
    let [first, second] = &mut wires;
    let (wanted, listed) = (name_to_wire(wanted, first), name_to_wire(key, second));
    let exact = table.layout().exact.and_then(|at| value.get(at));
    let scope = exact.map_or(Scope::Tree, |number| Scope::of(*number));
    let is_same = wanted == listed;
    let is_below = !is_same && names::suffixes(wanted).any(|suffix| suffix == listed);
    let matches = is_same && scope.has_name() || is_below && scope.has_below();
    matches.then_some(listed.len())
}
