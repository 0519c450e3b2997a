//! Logs changes of map values, for the directive `debug`.

use std::time::{Duration, Instant};

use super::state::MapReads;
use crate::base::escape::Plain;
use crate::filter::{Filter, ReadMap};
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use crate::views::Readings;

/// Period of reading the maps: half of the 100 ms within which the manual promises to log a change.
const PERIOD: Duration = Duration::from_millis(50);

impl MapReads {
    /// State after the start, with its buffers.
    pub(super) fn new(scan: Box<Scan>) -> Self {
        Self {
            scan,
            errors: 0,
            next: Instant::now() + PERIOD,
            readings: Readings::default(),
        }
    }

    /// Time of the next read; `None` if no filter has `debug`.
    pub(super) fn deadline(&self, filters: &[Filter]) -> Option<Instant> {
        let stages = filters.iter().flat_map(Filter::stages);
        let mut maps = stages.flat_map(|stage| &stage.read_maps);
        maps.any(|map| map.watch.is_some()).then_some(self.next)
    }

    /// Logs the changes of map values with `debug`, once in [`PERIOD`].
    pub(super) fn log_changes(&mut self, filters: &mut [Filter], log: &Log) {
        if self
            .deadline(filters)
            .is_none_or(|next| Instant::now() < next)
        {
            return;
        }
        let stages = filters.iter_mut().flat_map(Filter::stages_mut);
        let maps = stages.flat_map(|stage| &mut stage.read_maps);
        for ReadMap {
            name, map, watch, ..
        } in maps
        {
            let Some(watch) = watch else { continue };
            if let Err(errno) = watch.log_changes(name, map, &mut self.scan, log) {
                let (name, reason) = (Plain(name), errno.desc());
                log.warn(format_args!("map {name}: cannot be read: {reason}"));
            }
        }
        self.next = Instant::now() + PERIOD;
    }
}
