//! Logs changes of map values, for the directive `debug`.

use std::fmt;
use std::time::{Duration, Instant};

use super::state::MapReads;
use crate::base::escape::Plain;
use crate::filter::{Filter, ReadMap};
use crate::kernel::describe;
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
        for filter in filters {
            let (interface, is_chain) = (filter.interface.clone(), filter.is_chain());
            for stage in filter.stages_mut() {
                let place = is_chain.then_some((interface.as_str(), stage.object.as_str()));
                for read in &mut stage.read_maps {
                    self.log_changes_of(read, place, log);
                }
            }
        }
        self.next = Instant::now() + PERIOD;
    }

    fn log_changes_of(&mut self, read: &mut ReadMap, place: Option<(&str, &str)>, log: &Log) {
        let ReadMap {
            name,
            content,
            watch,
            ..
        } = read;
        let (Some(watch), subject) = (watch, Subject { place, map: name }) else {
            return;
        };
        if let Err(errno) = watch.log_changes(&subject, content, &mut self.scan, log) {
            let reason = describe(errno);
            log.warn(format_args!("{subject}: cannot be read: {reason}"));
        }
    }
}

/// Subject of a message about a map. In a chain, names the stage too, since several stages may have maps of the same name.
struct Subject<'a> {
    /// Interface and stage, in a chain.
    place: Option<(&'a str, &'a str)>,
    map: &'a str,
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((interface, stage)) = self.place {
            write!(f, "{}/{}: ", Plain(interface), Plain(stage))?;
        }
        write!(f, "map {}", Plain(self.map))
    }
}
