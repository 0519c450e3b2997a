//! Sums over samples: the weight of all packets, and of the heaviest keys of each level.

use std::time::Duration;

use super::gaps::Gaps;
use super::level::Level;
use super::sampled::Sampled;
use super::sketch::Sketch;
use super::weights::{PACKET, Weights, decay};
use crate::object::frame::sample::Sample;
use crate::packet::Packet;

/// The sums over all packets. They decay alike, so that rates and shares are those of the last seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Total {
    /// Weight of the packets, bursts included.
    pub(super) packets: u64,
    /// Weights of the samples, as limited by [`Gaps`].
    pub(super) verdicts: Weights,
    /// Sum of the squared weights of the samples.
    pub(super) squares: u128,
    /// Sum of the squared weights if each packet were a sample.
    pub(super) least_squares: u128,
    /// Number of samples, times [`PACKET`].
    pub(super) samples: u64,
    /// Time of the samples, in nanoseconds.
    pub(super) time: u64,
}

/// The sums over the samples so far.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) total: Total,
    gaps: Gaps,
    sources: Sketch,
    networks: Sketch,
    names: Sketch,
    parents: Sketch,
    two_labels: Sketch,
    types: Sketch,
}

impl Total {
    /// Adds a sample that represents `packets` and counts with `weight`.
    pub(super) fn add(&mut self, verdict: u16, packets: u64, weight: u64) {
        self.packets = self.packets.saturating_add(packets);
        self.verdicts.add(verdict, weight);
        self.samples = self.samples.saturating_add(PACKET);
        let times = |other: u64| u128::from(weight) * u128::from(other);
        self.squares = self.squares.saturating_add(times(weight));
        self.least_squares = self.least_squares.saturating_add(times(PACKET));
    }

    fn decay(&mut self) {
        decay(&mut self.packets);
        self.verdicts.decay();
        decay(&mut self.samples);
        decay(&mut self.time);
        // The square of three quarters.
        self.squares = self.squares / 16 * 9;
        self.least_squares = self.least_squares / 16 * 9;
    }

    /// Packets per second, for samples that count with `weight`.
    pub(super) fn packets_per_second(&self, weight: u64) -> u64 {
        let all = u128::from(self.verdicts.sum().max(1));
        let packets = u128::from(weight) * u128::from(self.packets) / all;
        self.per_second(packets)
    }

    pub(super) fn samples_per_second(&self) -> u64 {
        self.per_second(self.samples.into())
    }

    /// A number times [`PACKET`], per second.
    fn per_second(&self, number: u128) -> u64 {
        let scaled = number.saturating_mul(1_000_000_000);
        let time = u128::from(self.time.max(1)) * u128::from(PACKET);
        u64::try_from(scaled.saturating_add(time / 2) / time).unwrap_or(u64::MAX)
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            total: Total::default(),
            gaps: Gaps::default(),
            sources: Sketch::new(),
            networks: Sketch::new(),
            names: Sketch::new(),
            parents: Sketch::new(),
            two_labels: Sketch::new(),
            types: Sketch::new(),
        }
    }

    /// Adds a sample, and its packet as read from the sample.
    pub(super) fn add(&mut self, sample: &Sample<'_>, packet: &Packet<'_>) {
        let (verdict, packets) = (sample.verdict, sample.weight.saturating_mul(PACKET));
        let weight = self.gaps.limit(sample.stage, packets);
        self.total.add(verdict, packets, weight);
        let sampled = Sampled::new(packet, verdict);
        let source = sampled.source();
        self.sources.add(&source, verdict, weight);
        self.networks
            .add(Level::Network.of(&source), verdict, weight);
        self.types.add(&sampled.kind(), verdict, weight);
        if let Some(name) = sampled.name() {
            self.names.add(&name, verdict, weight);
            self.parents.add(Level::Parent.of(&name), verdict, weight);
            self.two_labels
                .add(Level::TwoLabels.of(&name), verdict, weight);
        }
    }

    /// Adds the time in which samples came.
    pub(super) fn add_time(&mut self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.total.time = self.total.time.saturating_add(time);
    }

    /// Lets all sums decay, once a second.
    pub(super) fn decay(&mut self) {
        self.total.decay();
        for sketch in [
            &mut self.sources,
            &mut self.networks,
            &mut self.names,
            &mut self.parents,
            &mut self.two_labels,
            &mut self.types,
        ] {
            sketch.decay();
        }
    }

    /// The keys of a level; `None` for a level without sketch.
    pub(super) fn sketch(&self, level: Level) -> Option<&Sketch> {
        Some(match level {
            Level::Source => &self.sources,
            Level::Network => &self.networks,
            Level::Name => &self.names,
            Level::Parent => &self.parents,
            Level::TwoLabels => &self.two_labels,
            Level::Type => &self.types,
            Level::Verdict | Level::Other => return None,
        })
    }
}
