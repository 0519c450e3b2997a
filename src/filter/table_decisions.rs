//! Decisions about a table: parts of the table that programs look up before the list, while the count in the table's header
//! is not 0.
//!
//! The count is raised before a decision is written and lowered after it is deleted. So a writer may be killed at any time:
//! the count is never too low.
//!
//! The table stays mapped from one decision to the next, until its map [ends](super::LoadedMap::end_decisions) the change.

use nix::errno::Errno;

use super::mapped_parts::Parts;
use super::running_table::RunningTable;
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::encode::{WIRE_SIZE, name_to_wire, write_wire};
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;
use crate::object::TableKind;
use crate::table::ValueLayout;
use crate::table::names::{self, MAX_NAME, Scope};
use crate::table::prefix::Prefix;

/// Parts with decisions about single addresses, about networks, and about names.
const ADDRESSES: &str = "_addresses";
const NETWORKS: &str = "_networks";
const NAMES: &str = "_decisions";
/// Bits of a single address.
const ADDRESS_BITS: u8 = 128;
/// Offset of the program's value in a decision about a network; before it are the end and the length of the prefix.
const NETWORK_VALUE: usize = 16;
/// Offset of the program's value in a decision about a name; before it is the end.
const NAME_VALUE: usize = 8;
/// Bytes of the largest key of a part.
const PART_KEY: usize = Prefix::KEY_SIZE;

/// Takes key, value and end of a decision.
pub(super) type VisitDecision<'a> = dyn FnMut(&[u8], &[u8], Option<u64>) + 'a;

/// A value of a table's entries.
pub(super) type DecisionValue = heapless::Vec<u8, MAX_VALUE>;

/// Place of a decision.
struct Place<'a> {
    part: &'a Map,
    key: heapless::Vec<u8, PART_KEY>,
}

impl RunningTable {
    /// Sets the decision about `key`, which ends at `until`. `value` is a value of the table's entries.
    ///
    /// # Errors
    /// `E2BIG` when the part is full, `EINVAL` for a key that is no network or name.
    pub(super) fn set_decision(
        &self,
        key: &[u8],
        value: &[u8],
        until: Option<u64>,
        scan: &mut Scan,
    ) -> Result<(), Errno> {
        let mapped = self.keep_mapped()?;
        let parts = mapped.parts()?;
        let place = self.place(key, &parts)?;
        let is_new = !place.exists(scan)?;
        let bytes = scan.new_value(place.part)?;
        let until = until.unwrap_or(0).to_ne_bytes();
        let end = bytes.first_chunk_mut().ok_or(Errno::EINVAL)?;
        *end = until;
        match parts {
            Parts::Prefixes(_) => write_network(key, value, bytes)?,
            Parts::Names(parts) => {
                write_name(key, value, self.layout(), bytes)?;
                // A program looks up only names that the Bloom filter knows.
                if !names::admit(&parts, name_to_wire(key, &mut [0; WIRE_SIZE])) {
                    return Err(Errno::EINVAL);
                }
            }
        }
        if !is_new {
            return place.part.update(&place.key, bytes);
        }
        let change = |by| change_count(&parts, &place, by);
        change(1);
        place
            .part
            .update(&place.key, bytes)
            .inspect_err(|_| change(-1))
    }

    /// Deletes the decision about `key`.
    ///
    /// # Errors
    /// `EINVAL` for a key that is no network or name.
    pub(super) fn delete_decision(&self, key: &[u8]) -> Result<(), Errno> {
        let mapped = self.keep_mapped()?;
        let parts = mapped.parts()?;
        let place = self.place(key, &parts)?;
        place.part.delete(&place.key)?;
        change_count(&parts, &place, -1);
        Ok(())
    }

    /// The value of the decision about `key`; `None` if there is none.
    ///
    /// # Errors
    /// As [`RunningTable::delete_decision`].
    pub fn decision(&self, key: &[u8], scan: &mut Scan) -> Result<Option<DecisionValue>, Errno> {
        let mapped = self.keep_mapped()?;
        let place = self.place(key, &mapped.parts()?)?;
        if !place.exists(scan)? {
            return Ok(None);
        }
        let bytes = scan.value(place.part, &place.key)?;
        Ok(bytes.and_then(|bytes| self.read_value(bytes)))
    }

    /// Calls `visit` with key, value and end of each decision.
    ///
    /// # Errors
    /// When the parts cannot be read.
    pub fn each_decision(
        &self,
        scan: &mut Scan,
        visit: &mut VisitDecision<'_>,
    ) -> Result<(), Errno> {
        for suffix in self.decision_parts() {
            scan.each(self.part(suffix)?, &mut |part_key, bytes| {
                let end = bytes.first_chunk();
                let end = end.map_or(0, |end| u64::from_ne_bytes(*end));
                let key = self.entry_key(suffix, part_key, bytes);
                if let Some((key, value)) = key.zip(self.read_value(bytes)) {
                    visit(&key, &value, (end > 0).then_some(end));
                }
            })?;
        }
        Ok(())
    }

    /// Counts the decisions of a table that an earlier daemon left, so that the header has the right counts.
    ///
    /// # Errors
    /// When the parts cannot be read.
    pub(super) fn count_decisions(&self, scan: &mut Scan) -> Result<(), Errno> {
        let mut counts = [0; 2];
        for (count, suffix) in counts.iter_mut().zip(self.decision_parts()) {
            *count = scan.each(self.part(suffix)?, &mut |_, _| {})?;
        }
        let [first, second] = counts;
        let mapped = self.map_parts()?;
        match mapped.parts()? {
            Parts::Prefixes(parts) => {
                let small = |count| u32::try_from(count).unwrap_or(u32::MAX);
                parts.set_decisions(small(first), small(second));
            }
            Parts::Names(parts) => names::set_decisions(&parts, first),
        }
        Ok(())
    }

    const fn decision_parts(&self) -> &'static [&'static str] {
        match self.kind() {
            TableKind::Prefixes => &[ADDRESSES, NETWORKS],
            TableKind::Names => &[NAMES],
        }
    }

    /// Where the decision about `key` is.
    fn place(&self, key: &[u8], parts: &Parts<'_>) -> Result<Place<'_>, Errno> {
        let (suffix, bytes) = match parts {
            Parts::Prefixes(_) => {
                let prefix = Prefix::from_key(key).ok_or(Errno::EINVAL)?;
                let bytes = prefix.to_key();
                if prefix.length == ADDRESS_BITS {
                    let address = bytes.get(size_of::<u32>()..).unwrap_or_default();
                    (ADDRESSES, heapless::Vec::from_slice(address))
                } else {
                    (NETWORKS, heapless::Vec::from_slice(&bytes))
                }
            }
            Parts::Names(parts) => {
                let mut wire = [0; WIRE_SIZE];
                let digest = names::digest(parts, name_to_wire(key, &mut wire));
                let digest = digest.map(u64::to_ne_bytes);
                (NAMES, heapless::Vec::from_slice(digest.as_flattened()))
            }
        };
        Ok(Place {
            part: self.part(suffix)?,
            key: bytes.map_err(|_| Errno::EINVAL)?,
        })
    }

    /// The key of the table's entries for a decision.
    fn entry_key(
        &self,
        suffix: &str,
        part_key: &[u8],
        bytes: &[u8],
    ) -> Option<heapless::Vec<u8, MAX_KEY>> {
        let mut key = heapless::Vec::new();
        match suffix {
            ADDRESSES => {
                let bits = u32::from(ADDRESS_BITS).to_ne_bytes();
                key.extend_from_slice(&bits).ok()?;
                key.extend_from_slice(part_key).ok()?;
            }
            NETWORKS => key.extend_from_slice(part_key).ok()?,
            _ => {
                let end = NAME_VALUE.checked_add(self.layout().size)?;
                let (size, rest) = bytes.get(end..)?.split_first()?;
                let (_scope, name) = rest.split_first()?;
                key.resize(self.shape().key_size, 0).ok()?;
                write_wire(name.get(..usize::from(*size))?, &mut key).ok()?;
            }
        }
        Some(key)
    }

    /// The value of the table's entries in a decision.
    fn read_value(&self, bytes: &[u8]) -> Option<DecisionValue> {
        let layout = self.layout();
        let start = match self.kind() {
            TableKind::Prefixes => NETWORK_VALUE,
            TableKind::Names => NAME_VALUE,
        };
        let end = start.checked_add(layout.size)?;
        let mut value = DecisionValue::from_slice(bytes.get(start..end)?).ok()?;
        if self.kind() == TableKind::Names {
            let scope = bytes.get(end.checked_add(1)?)?;
            Scope::of(*scope).put(layout, &mut value);
        }
        Some(value)
    }
}

impl Place<'_> {
    /// True if there is a decision. A lookup in a trie also finds shorter prefixes, so the length is compared.
    fn exists(&self, scan: &mut Scan) -> Result<bool, Errno> {
        let found = scan.value(self.part, &self.key)?;
        let length = found.and_then(|bytes| bytes.get(8..12));
        Ok(found.is_some() && (self.key.len() < PART_KEY || length == self.key.get(..4)))
    }
}

/// Changes the count of decisions in the header.
fn change_count(parts: &Parts<'_>, place: &Place<'_>, by: i32) {
    match parts {
        Parts::Prefixes(parts) => {
            let (addresses, networks) = parts.decisions();
            if place.key.len() == PART_KEY {
                parts.set_decisions(addresses, networks.saturating_add_signed(by));
            } else {
                parts.set_decisions(addresses.saturating_add_signed(by), networks);
            }
        }
        Parts::Names(parts) => {
            let count = names::decisions(parts).saturating_add_signed(by.into());
            names::set_decisions(parts, count);
        }
    }
}

/// Writes length of the prefix and value.
fn write_network(key: &[u8], value: &[u8], bytes: &mut [u8]) -> Result<(), Errno> {
    let prefix = Prefix::from_key(key).ok_or(Errno::EINVAL)?.to_key();
    let (length, _) = prefix.split_first_chunk::<4>().ok_or(Errno::EINVAL)?;
    let place = bytes.get_mut(8..12).ok_or(Errno::EINVAL)?;
    place.copy_from_slice(length);
    let place = bytes.get_mut(NETWORK_VALUE..);
    let place = place.and_then(|rest| rest.get_mut(..value.len()));
    place.ok_or(Errno::EINVAL)?.copy_from_slice(value);
    Ok(())
}

/// Writes value, scope and name.
fn write_name(
    key: &[u8],
    value: &[u8],
    layout: &ValueLayout,
    bytes: &mut [u8],
) -> Result<(), Errno> {
    let mut wire = [0; WIRE_SIZE];
    let wire = name_to_wire(key, &mut wire);
    if wire.is_empty() || wire.len() > MAX_NAME {
        return Err(Errno::EINVAL);
    }
    let rest = bytes.get_mut(NAME_VALUE..).ok_or(Errno::EINVAL)?;
    let (place, rest) = rest
        .split_at_mut_checked(layout.size)
        .ok_or(Errno::EINVAL)?;
    place
        .get_mut(..value.len())
        .ok_or(Errno::EINVAL)?
        .copy_from_slice(value);
    let scope = Scope::take(layout, place);
    let (head, rest) = rest.split_at_mut_checked(2).ok_or(Errno::EINVAL)?;
    let size = u8::try_from(wire.len()).map_err(|_| Errno::EINVAL)?;
    head.copy_from_slice(&[size, scope as u8]);
    let name = rest.get_mut(..wire.len()).ok_or(Errno::EINVAL)?;
    name.copy_from_slice(wire);
    Ok(())
}
