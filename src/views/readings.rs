//! Earlier readings of the verdict counters, from which rates follow. A view takes a reading when a client asks for it;
//! the daemon never wakes to take one.

use std::time::{Duration, Instant};

use super::totals::{FAULT, Totals, VerdictTotals};
use crate::base::capacity::MAX_FILTERS;
use crate::base::rate::Rate;

/// Shortest period of a rate. Several clients may ask within a moment.
const SHORTEST: Duration = Duration::from_secs(1);
/// Longest period of a rate: an older reading says nothing about the present.
const LONGEST: Duration = Duration::from_mins(5);

/// The counters of all programs at one time.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    at: Instant,
    programs: heapless::Vec<Counted, MAX_FILTERS>,
}

/// The counters of one program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// Id of the program.
    program: u32,
    /// Id of the map with the counters, which the next version of a program inherits; `None` if the id cannot be read.
    map: Option<u32>,
    totals: Totals,
    /// Number of lost samples; `None` for a program that cannot be sampled.
    lost: Option<u64>,
    /// Time of the reading that first had the present number of aborted packets; `None` for no such packet.
    aborted_at: Option<Instant>,
}

/// The last readings.
#[derive(Debug, Default)]
pub struct Readings {
    /// The reading of the present request.
    now: Option<Reading>,
    /// A reading from which rates are computed once it is old enough.
    next: Option<Reading>,
    /// The reading from which rates are computed.
    base: Option<Reading>,
}

/// Growth of the counters of a verdict during a period.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) milliseconds: u64,
}

impl Growth {
    /// Packets per second.
    pub(super) const fn packet_rate(self) -> Rate {
        Rate::new(self.packets, self.milliseconds)
    }

    /// Bytes per second.
    pub(super) const fn byte_rate(self) -> Rate {
        Rate::new(self.bytes, self.milliseconds)
    }
}

impl Reading {
    /// An empty reading of the current time.
    pub(super) fn now() -> Self {
        let (at, programs) = (Instant::now(), heapless::Vec::new());
        Self { at, programs }
    }

    /// Adds the counters of a program.
    pub(super) fn push(&mut self, counted: Counted) {
        // Cannot fail: the list has room for all programs.
        let _ = self.programs.push(counted);
    }

    /// The reading of the counters that `counted` continues.
    fn before(&self, counted: &Counted) -> Option<&Counted> {
        counted.map?;
        self.programs.iter().find(|other| other.map == counted.map)
    }
}

impl Counted {
    /// The totals of the program of this id.
    pub(super) const fn new(program: u32, totals: Totals) -> Self {
        Self {
            program,
            map: None,
            totals,
            lost: None,
            aborted_at: None,
        }
    }

    /// The counters in the map of this id.
    pub(super) const fn in_map(self, map: Option<u32>) -> Self {
        Self { map, ..self }
    }

    /// The counters with this number of lost samples.
    pub(super) const fn with_lost(self, lost: Option<u64>) -> Self {
        Self { lost, ..self }
    }

    fn total(&self, verdict: &str) -> Option<&VerdictTotals> {
        self.totals.iter().find(|total| total.verdict == verdict)
    }

    fn aborted(&self) -> u64 {
        self.total(FAULT).map_or(0, |total| total.packets)
    }
}

impl Readings {
    /// Adds the reading of a request. Rates are computed from the newest earlier reading that is at least [`SHORTEST`] old.
    pub(super) fn add(&mut self, mut reading: Reading) {
        for counted in &mut reading.programs {
            let before = self.next.as_ref().and_then(|next| next.before(counted));
            counted.aborted_at = match before {
                Some(before) if before.aborted() == counted.aborted() => before.aborted_at,
                _ => (counted.aborted() > 0).then_some(reading.at),
            };
        }
        let is_old = |next: &Reading| reading.at.saturating_duration_since(next.at) >= SHORTEST;
        if self.next.as_ref().is_none_or(is_old) {
            self.base = self.next.take();
            self.next = Some(reading.clone());
        }
        self.now = Some(reading);
    }

    /// The present totals of the program of this id.
    pub(super) fn totals(&self, program: u32) -> Option<&Totals> {
        Some(&self.counted(program)?.totals)
    }

    /// The present number of lost samples of the program of this id.
    pub(super) fn lost_samples(&self, program: u32) -> Option<u64> {
        self.counted(program)?.lost
    }

    fn counted(&self, program: u32) -> Option<&Counted> {
        let mut programs = self.now.iter().flat_map(|now| &now.programs);
        programs.find(|counted| counted.program == program)
    }

    /// The period of all rates in milliseconds; `None` without an earlier reading.
    pub(super) fn period(&self) -> Option<u64> {
        let base = self.base.as_ref()?;
        let period = self.now.as_ref()?.at.saturating_duration_since(base.at);
        let millis = u64::try_from(period.as_millis()).ok()?;
        (period <= LONGEST).then_some(millis)
    }

    /// Growth of the counters of a verdict; `None` for a program that is newer than the earlier reading.
    pub(super) fn growth(&self, program: u32, verdict: &str) -> Option<Growth> {
        let counted = self.counted(program)?;
        let (now, before) = (
            counted.total(verdict)?,
            self.base.as_ref()?.before(counted)?.total(verdict)?,
        );
        Some(Growth {
            packets: now.packets.checked_sub(before.packets)?,
            bytes: now.bytes.checked_sub(before.bytes)?,
            milliseconds: self.period()?,
        })
    }

    /// True if the program aborted packets lately, as far as the readings show.
    pub(super) fn aborts(&self, program: u32) -> bool {
        let counted = self.counted(program).and_then(|counted| counted.aborted_at);
        let age = self.now.as_ref().zip(counted);
        age.is_some_and(|(now, at)| now.at.saturating_duration_since(at) < LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u32 = 7;

    /// Seconds after the start, and packets by verdict: passed and aborted ones.
    type Step = (u64, [u64; 2]);

    fn totals(packets: [u64; 2]) -> Totals {
        ["pass", "drop", "tx", "redirect", FAULT].map(|verdict| {
            let packets = match verdict {
                "pass" => packets[0],
                FAULT => packets[1],
                _ => 0,
            };
            VerdictTotals {
                verdict,
                packets,
                bytes: 60 * packets,
            }
        })
    }

    /// Adds a reading of program [`ID`] with the map of counters of this id.
    fn add(readings: &mut Readings, start: Instant, map: Option<u32>, (seconds, packets): Step) {
        let mut reading = Reading::now();
        reading.at = start + Duration::from_secs(seconds) / 10;
        reading.push(Counted::new(ID, totals(packets)).in_map(map));
        readings.add(reading);
    }

    /// Packets per second of the passed packets, and the period, after each step. Times are in tenths of seconds.
    fn rates(steps: &[Step]) -> Vec<(Option<String>, Option<u64>)> {
        let (mut readings, start) = (Readings::default(), Instant::now());
        let rates = steps.iter().map(|step| {
            add(&mut readings, start, Some(1), *step);
            let rate = readings.growth(ID, "pass").map(Growth::packet_rate);
            (rate.map(|rate| rate.to_string()), readings.period())
        });
        rates.collect()
    }

    #[test]
    fn rates_refer_to_the_newest_reading_that_is_a_second_old() {
        let rate = |rate: &str, period| (Some(rate.to_owned()), Some(period));
        let nothing = (None, None);
        for (steps, expected) in [
            (&[(0, [5, 0])][..], vec![nothing.clone()]),
            // Two clients, the second shortly after the first.
            (
                &[(0, [0, 0]), (1, [100, 0]), (20, [200, 0]), (25, [300, 0])],
                vec![
                    nothing.clone(),
                    nothing.clone(),
                    rate("100", 2000),
                    rate("120", 2500),
                ],
            ),
            (
                &[(0, [0, 0]), (3000, [30, 0]), (3010, [40, 0])],
                vec![nothing.clone(), rate("0.1", 300_000), rate("10", 1000)],
            ),
            (&[(0, [0, 0]), (3001, [9, 0])], vec![nothing.clone(); 2]),
            // Somebody has set the counters to zero.
            (
                &[(0, [9, 0]), (10, [8, 0])],
                vec![nothing.clone(), (None, Some(1000))],
            ),
        ] {
            assert_eq!(rates(steps), expected, "{steps:?}");
        }
    }

    #[test]
    fn growth_needs_the_same_counters() {
        for (maps, expected) in [
            ([Some(1), Some(1)], Some(60)),
            ([Some(1), Some(2)], None),
            ([None, None], None),
        ] {
            let (mut readings, start) = (Readings::default(), Instant::now());
            for (map, step) in maps.into_iter().zip([(0, [4, 0]), (20, [5, 0])]) {
                add(&mut readings, start, map, step);
            }
            let growth = readings.growth(ID, "pass").map(|growth| growth.bytes);
            assert_eq!(growth, expected, "{maps:?}");
            assert_eq!(readings.totals(ID), Some(&totals([5, 0])));
            assert_eq!(readings.totals(8), None);
        }
    }

    #[test]
    fn program_aborts_until_its_counter_rests() {
        let (mut readings, start) = (Readings::default(), Instant::now());
        for (step, expected) in [
            ((0, [0, 0]), false),
            ((20, [0, 1]), true),
            ((25, [0, 1]), true),
            ((3000, [0, 1]), true),
            ((3020, [0, 1]), false),
            ((3040, [0, 2]), true),
        ] {
            add(&mut readings, start, Some(1), step);
            assert_eq!(readings.aborts(ID), expected, "{step:?}");
        }
    }
}
