//! Gaps between samples, to recognise samples that represent a burst.
//!
//! The frame of a stage chooses the mean gap by the packets of the previous 100 ms. If many more packets arrive, it takes the
//! allowed number of samples early, and the next sample represents the rest: one sample of hundreds may be most of the
//! packets, and its key would seem to be so too. So a sample counts for its key with at most [`LIMIT`] mean gaps. The other
//! packets of the burst are taken to be like all samples.

use crate::base::capacity::MAX_FILTERS;

/// Mean gaps up to which a sample counts. A drawn gap is below two means; the mean follows a new gap within a few samples.
const LIMIT: u64 = 8;
/// Samples over which the mean is taken.
const SAMPLES: u64 = 8;

/// Mean weight of the last samples of each stage.
#[derive(Debug, Default)]
pub(super) struct Gaps([u64; MAX_FILTERS]);

impl Gaps {
    /// The weight with which a sample of this stage counts for its key.
    pub(super) fn limit(&mut self, stage: u32, weight: u64) -> u64 {
        let Some(mean) = self.0.get_mut(stage as usize) else {
            return weight;
        };
        if *mean == 0 {
            *mean = weight;
        }
        let limited = weight.min(mean.saturating_mul(LIMIT));
        *mean = *mean - *mean / SAMPLES + limited / SAMPLES;
        limited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::top::weights::PACKET;

    /// Weights as limited, in packets.
    fn limited(weights: &[u64]) -> Vec<u64> {
        let mut gaps = Gaps::default();
        let limited = weights
            .iter()
            .map(|weight| gaps.limit(3, weight * PACKET) / PACKET);
        limited.collect()
    }

    #[test]
    fn drawn_gaps_count_whole() {
        for gap in [1, 2, 5, 100] {
            // From 1 to twice the mean less one, in a scattered order.
            let weights: Vec<u64> = (0..1000)
                .map(|number| 1 + number * 7919 % (2 * gap - 1))
                .collect();
            let cut = limited(&weights).into_iter().zip(&weights);
            let cut = cut.skip(10).filter(|(limited, weight)| limited != *weight);
            assert_eq!(cut.count(), 0, "{gap}");
        }
    }

    #[test]
    fn burst_counts_little_and_a_new_gap_soon_counts_whole() {
        let quiet = [1; 50];
        let weights = [&quiet[..], &[20_000], &[100; 20]].concat();
        let limited = limited(&weights);
        assert_eq!(limited[..50], quiet);
        assert_eq!(limited[50], 8);
        assert_eq!(limited[58..], weights[58..]);
    }

    #[test]
    fn unknown_stage_and_greatest_weight_are_no_error() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.limit(u32::MAX, 7), 7);
        for weight in [0, u64::MAX, u64::MAX, 0] {
            assert_eq!(gaps.limit(0, weight), weight);
        }
    }
}
