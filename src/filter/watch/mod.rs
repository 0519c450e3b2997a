//! The directive `debug`: logs every change of a map value.
//!
//! A hash table has a 64-bit hash of each value: 5 to 10 MB for 100,000 entries, whatever the size of the values. A
//! per-CPU map needs that memory for each CPU.

mod table;

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};

use nix::errno::Errno;

use super::content::Content;
use crate::base::hex::Upper;
use crate::encode::SECRET;
use crate::kernel::map::Shape;
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use table::{Comparison, Table};

/// The value hashes of one map.
#[derive(Debug)]
pub struct Watch {
    hasher: RandomState,
    table: Table,
    /// True if the log must not have the values.
    has_secrets: bool,
    /// True once memory was short and a value was not recorded; logged once.
    incomplete: bool,
}

impl Watch {
    /// Records the current values of the map, which are not logged if it `has_secrets`.
    ///
    /// # Errors
    /// When the map cannot be read; `ENOMEM` when memory for its values is short.
    pub fn begin(content: &Content, has_secrets: bool, scan: &mut Scan) -> Result<Self, Errno> {
        let mut watch = Self {
            hasher: RandomState::new(),
            table: Table::new(most_values(content.shape()))?,
            has_secrets,
            incomplete: false,
        };
        watch.scan(content, scan, |_, _, _| {})?;
        watch.table.reserve()?;
        if watch.incomplete {
            return Err(Errno::ENOMEM);
        }
        Ok(watch)
    }

    /// Logs the changes since the last call. `subject` begins each line.
    ///
    /// # Errors
    /// When the map cannot be read; the next call logs the missed changes.
    pub fn log_changes(
        &mut self,
        subject: &dyn Display,
        content: &Content,
        scan: &mut Scan,
        log: &Log,
    ) -> Result<(), Errno> {
        let per_cpu = content.shape().kind.is_per_cpu();
        let (was_incomplete, has_secrets) = (self.incomplete, self.has_secrets);
        self.scan(content, scan, |key, cpu, value| {
            let (key, bytes) = (Upper(key), Upper(value));
            let value: &dyn Display = if has_secrets { &SECRET } else { &bytes };
            if per_cpu {
                log.info(format_args!("{subject}: key={key} value={value} cpu={cpu}"));
            } else {
                log.info(format_args!("{subject}: key={key} value={value}"));
            }
        })?;
        if self.incomplete && !was_incomplete {
            log.warn(format_args!(
                "{subject}: out of memory; changes of some entries are not logged"
            ));
        }
        Ok(())
    }

    fn scan(
        &mut self,
        content: &Content,
        scan: &mut Scan,
        mut changed: impl FnMut(&[u8], usize, &[u8]),
    ) -> Result<(), Errno> {
        let Self {
            hasher,
            table,
            incomplete,
            ..
        } = self;
        table.next_round();
        let shape = *content.shape();
        content.each(scan, &mut |key, copied| {
            for (cpu, value) in shape.values(copied).enumerate() {
                match table.record(hasher.hash_one((key, cpu)), hasher.hash_one(value)) {
                    Comparison::Same => {}
                    Comparison::Changed => changed(key, cpu, value),
                    Comparison::NoRoom => *incomplete = true,
                }
            }
        })?;
        Ok(())
    }
}

/// Maximum number of values in the map; in a per-CPU map each entry has a value for each CPU.
fn most_values(shape: &Shape) -> usize {
    (shape.max_entries as usize).saturating_mul(shape.cpus)
}
