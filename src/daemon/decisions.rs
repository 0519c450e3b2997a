//! Decisions: requests to add and delete them, their ends, and the file that keeps them over a restart.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::state::Daemon;
use crate::base::escape::Escaped;
use crate::base::quantity::Quantity;
use crate::base::utc::Utc;
use crate::base::{exit, files, ktime};
use crate::config::decision::{STATE_FILE, Saved};
use crate::control::changes::{Change, Changes, Outcome};
use crate::control::server::Client;
use crate::control::{PACKET, Payload};
use crate::filter::{Filter, LoadedMap, Refused, Restore};
use crate::kernel::info;
use crate::kernel::map_scan::Scan;
use crate::kernel::shared_memory::SharedMemory;
use crate::log::Log;

/// Longest delay between the end of a decision and its deletion. Decisions that end within this time are deleted together.
const SWEEP: Duration = Duration::from_millis(200);
/// Longest delay between a change and its line in the log. The changes of a batch come in many packets.
const LOG_DELAY: Duration = Duration::from_secs(1);
/// Number of faults in the file that are logged one by one.
const MAX_FAULTS: usize = 5;
/// Bytes of the longest line of the file.
const MAX_LINE: usize = 16 << 10;

impl Daemon<'_> {
    /// Makes the changes of a client, and sends their outcomes.
    pub(super) fn decide(&mut self, client: &Client, changes: Changes<'_>) {
        let now = ktime::now();
        let mut outcomes = heapless::Vec::<u8, PACKET>::new();
        let mut place = None;
        for change in changes {
            if place.is_none_or(|(id, _)| id != change.map) {
                self.end_decisions(place);
                place = self.place(change.map).map(|place| (change.map, place));
            }
            let map = place.and_then(|(_, place)| self.map_at(place));
            let outcome = map.map_or(Outcome::Gone, |(map, scan)| {
                apply(&change, map, now, scan).into()
            });
            let [added, deleted, refused] = &mut self.changed.numbers;
            *match (outcome, change.value) {
                (Outcome::Done, Some(_)) => added,
                (Outcome::Done, None) => deleted,
                _ => refused,
            } += 1;
            // Cannot fail: an outcome is shorter than its change.
            let _ = outcomes.extend_from_slice(&outcome.code().to_ne_bytes());
        }
        self.end_decisions(place);
        let log_at = &mut self.changed.log_at;
        *log_at = log_at.or(Instant::now().checked_add(LOG_DELAY));
        client.decided(&outcomes);
        client.end(exit::DONE);
    }

    /// Ends the series of changes of the map at this place.
    fn end_decisions(&mut self, place: Option<(u32, [usize; 3])>) {
        if let Some((map, _)) = place.and_then(|(_, place)| self.map_at(place)) {
            map.end_decisions();
        }
    }

    /// Numbers of the filter, the stage and the map with this id in the kernel.
    fn place(&self, id: u32) -> Option<[usize; 3]> {
        let is_map = |map: &LoadedMap| info::map_id(map.map().fd().as_fd()) == Ok(id);
        for (number, filter) in self.filters.iter().enumerate() {
            for (stage_number, stage) in filter.stages().enumerate() {
                if let Some(map) = stage.maps().iter().position(is_map) {
                    return Some([number, stage_number, map]);
                }
            }
        }
        None
    }

    fn map_at(&mut self, [filter, stage, map]: [usize; 3]) -> Option<(&mut LoadedMap, &mut Scan)> {
        let stage = self.filters.get_mut(filter)?.stages_mut().nth(stage)?;
        let map = stage.maps_mut().get_mut(map)?;
        Some((map, &mut self.map_reads.scan))
    }

    /// Time at which the next decision is deleted or changes are logged; `None` if nothing is to be done.
    pub(super) fn next_sweep(&self) -> Option<Instant> {
        let next = self.filters.iter().filter_map(Filter::next_sweep).min();
        let next = next.map(|next| ktime::instant(next) + SWEEP);
        [next, self.changed.log_at].into_iter().flatten().min()
    }

    /// Deletes the decisions whose time is up, and logs the changes of clients.
    pub(super) fn sweep_decisions(&mut self) {
        if self.changed.log_at.is_some_and(|at| at <= Instant::now()) {
            let [added, deleted, refused] = std::mem::take(&mut self.changed).numbers;
            self.options.log.info(format_args!(
                "decisions: {added} added, {deleted} deleted, {refused} refused"
            ));
        }
        let Some(next) = self.filters.iter().filter_map(Filter::next_sweep).min() else {
            return;
        };
        let now = ktime::now();
        if next <= now {
            for filter in self.filters.iter_mut() {
                filter.sweep(now, &self.options.log);
            }
        }
    }
}

fn apply(
    change: &Change<'_>,
    map: &mut LoadedMap,
    now: u64,
    scan: &mut Scan,
) -> Result<(), Refused> {
    match change.value {
        Some(value) => {
            let until = change.time.map(|time| now.saturating_add(time));
            map.decide(change.key, value, until, scan)
        }
        None => map.undecide(change.key),
    }
}

/// Passes the decisions about `map` in shared memory; nothing if there are none.
pub(super) fn pass_decisions(map: &LoadedMap, client: &Client) -> Result<(), Errno> {
    let count = map.decisions();
    // The parts of a table have its decisions.
    if count == 0 || map.table().is_some() {
        return Ok(());
    }
    let size = size_of::<u64>() + map.map().shape().key_size;
    let (mut memory, descriptor) = SharedMemory::create(count.saturating_mul(size))?;
    let rows = memory.bytes().chunks_exact_mut(size);
    for (row, (key, until)) in rows.zip(map.each_decision()) {
        if let Some((end, out)) = row.split_first_chunk_mut() {
            *end = until.unwrap_or(0).to_ne_bytes();
            out.copy_from_slice(key);
        }
    }
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    client.pass(Payload::Decisions(count.to_ne_bytes()), descriptor.as_fd())
}

/// Restores the decisions in the file of `folder` to the prepared filters. Errors are only logged: filters without the
/// decisions are better than none.
pub(super) fn restore(folder: &Path, mut restore: Restore<'_, '_>, log: &Log) {
    let path = folder.join(STATE_FILE);
    let file = match files::check_folder(folder).and_then(|()| files::open(&path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            let path = Escaped(&path.to_string_lossy()).to_string();
            return log.warn(format_args!(
                "cannot read the decisions in {path}: {error}; the filters start without them"
            ));
        }
    };
    let now = (ktime::now(), Utc::now().0);
    let (mut reader, mut line, mut faults) = (BufReader::new(file), Vec::new(), 0);
    let mut all = true;
    for number in 1u32.. {
        line.clear();
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        let read = (&mut reader).take(limit).read_until(b'\n', &mut line);
        let result = match read {
            Ok(0) => break,
            Ok(MAX_LINE) => Err("the line is too long".into()),
            Ok(_) => restore_line(&String::from_utf8_lossy(&line), now, &mut restore),
            Err(error) => {
                log.warn(format_args!("{}: {error}", path.display()));
                all = false;
                break;
            }
        };
        let Err(reason) = result else { continue };
        faults += 1;
        if faults <= MAX_FAULTS {
            let path = path.to_string_lossy();
            let (path, reason) = (Escaped(&path), Escaped(&reason));
            log.warn(format_args!(
                "{path}:{number}: decision not restored: {reason}"
            ));
        }
    }
    let deleted = restore.end(all);
    if deleted > 0 {
        let path = path.to_string_lossy();
        let path = Escaped(&path);
        log.warn(format_args!(
            "decisions: {deleted} deleted that {path} does not have"
        ));
    }
    if faults > MAX_FAULTS {
        let omitted = Quantity((faults - MAX_FAULTS) as u64, "more decision");
        let path = path.to_string_lossy();
        let path = Escaped(&path);
        log.warn(format_args!("{path}: {omitted} not restored"));
    }
}

/// Restores the decision of a line. `now` is the time of ktime and of the wall clock.
fn restore_line(line: &str, now: (u64, u64), restore: &mut Restore<'_, '_>) -> Result<(), String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let saved = Saved::parse(line)?;
    let (ktime, seconds) = now;
    let left = saved.until.map(|until| until.saturating_sub(seconds));
    let until = left.map(|left| {
        let left = ktime::nanoseconds(Duration::from_secs(left));
        ktime.saturating_add(left)
    });
    let restored = restore.line(&saved, until);
    if left == Some(0) { Ok(()) } else { restored }
}
