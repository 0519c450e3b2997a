//! Shares of the packets, estimated from samples, and their error.
//!
//! A share `p` of `n` samples has the standard error `sqrt(p (1 - p) / n)` if each sample represents as many packets. With
//! different weights `w`, `n` is the effective number `(sum of w)^2 / (sum of w^2)` (Kish: "Survey Sampling", 1965, section
//! 11.7). The interval of 95 % is that of Agresti and Coull ("Approximate is better than 'exact' for interval estimation of
//! binomial proportions", 1998): the normal interval of two standard errors, with two more samples that have the key and
//! two that do not. It also holds for few samples, and for shares near 0 and 1. The error is the distance of its farther
//! end from the share. Of `N` packets, a fraction `n / N` is known, so the error is less by `sqrt(1 - n / N)` (Cochran:
//! "Sampling Techniques", 1977, section 2.6), and 0 if every packet is a sample. The excess of Space-Saving is added.

use super::tally::Total;

/// One.
const ONE: u128 = 1_000_000;
/// Thousandths in a part of [`ONE`].
const THOUSANDTH: u128 = ONE / 1000;

/// A share, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) permille: u16,
    /// The true share differs by at most this, with a probability of 95 %. Rounded up.
    pub(super) error: u16,
}

/// The square root, rounded down, of a number below the square of [`ONE`].
fn root(number: u128) -> u128 {
    u64::try_from(number).map_or(ONE, |number| number.isqrt().into())
}

/// The part of `whole`, in thousandths.
pub(super) fn permille(part: u64, whole: u64) -> u16 {
    let (part, whole) = (u128::from(part.min(whole)), u128::from(whole.max(1)));
    u16::try_from((part * 1000 + whole / 2) / whole).unwrap_or(1000)
}

/// The share of the packets that weigh `weight` in the samples, and perhaps up to `excess` more or less.
pub(super) fn share(total: &Total, weight: u64, excess: u64) -> Share {
    let sum = total.verdicts.sum();
    let whole = u128::from(sum.max(1));
    let of_one = |weight: u64| u128::from(weight.min(sum)) * ONE / whole;
    let p = of_one(weight);
    // The square of the sum may exceed 128 bits.
    let mean = (total.squares / whole).max(1);
    let n = whole / mean;
    let centre = (p * n + 2 * ONE) / (n + 4);
    let deviation = root(centre * ONE.saturating_sub(centre) / (n + 4));
    let noise = 2 * (deviation + 1) + centre.abs_diff(p);
    let known = total.least_squares.saturating_mul(ONE) / total.squares.max(1);
    let unknown = ONE.saturating_sub(known) * ONE;
    let error = noise * root(unknown) / ONE + of_one(excess);
    Share {
        permille: permille(weight, sum),
        error: u16::try_from(error.div_ceil(THOUSANDTH))
            .unwrap_or(1000)
            .min(1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::top::weights::PACKET;

    /// The total of samples with these weights.
    fn total(weights: impl Iterator<Item = u64>) -> Total {
        let mut total = Total::default();
        for weight in weights {
            total.add(1, weight * PACKET, weight * PACKET);
        }
        total
    }

    #[test]
    fn shares_have_the_error_of_their_samples() {
        // Number and weight of the samples, weight and excess of the key, share and error in thousandths.
        for (count, weight, part, excess, expected) in [
            // Each packet is a sample.
            (100, 1, 30, 0, (300, 0)),
            (100, 1, 30, 2, (300, 20)),
            // The intervals of Agresti and Coull for 500 of 1000, 0 of 10, 10 of 10.
            (1000, 1_000_000, 500_000_000, 0, (500, 32)),
            (10, 1_000_000, 0, 0, (0, 330)),
            (10, 1_000_000, 10_000_000, 0, (1000, 330)),
            (1, 1_000_000, 1_000_000, 0, (1000, 839)),
            // Half of the packets are samples.
            (1000, 2, 1000, 0, (500, 23)),
            (7000, 1_000_000, 70_000_000, 0, (10, 3)),
        ] {
            let total = total((0..count).map(|_| weight));
            let share = share(&total, part * PACKET, excess * PACKET);
            assert_eq!(
                (share.permille, share.error),
                expected,
                "{count} {weight} {part}"
            );
        }
    }

    #[test]
    fn different_weights_are_fewer_samples() {
        // One sample with half of the weight, and 1000 with the other half: 3 effective samples.
        let total = total((0..1001).map(|number| if number == 0 { 1_000_000 } else { 1000 }));
        let few = share(&total, 1_000_000 * PACKET, 0);
        assert_eq!((few.permille, few.error), (500, 378));
    }

    #[test]
    fn empty_total_has_no_share() {
        let share = share(&Total::default(), 0, 0);
        assert_eq!(share.permille, 0);
    }

    #[test]
    fn greatest_weights_do_not_overflow() {
        let mut total = total([1].into_iter());
        total.add(2, u64::MAX, u64::MAX);
        total.squares = u128::MAX;
        assert_eq!(share(&total, u64::MAX, u64::MAX).permille, 1000);
        assert_eq!(total.packets_per_second(u64::MAX), u64::MAX);
    }

    /// The error covers the true share in at least 95 % of samplings, also for few samples, shares near 0 and 1, and
    /// weights that differ. Each packet has the key by chance, and each gap between two samples is drawn.
    #[test]
    fn error_covers_the_truth() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) % below
        };
        for (samples, gap) in [(20, 50), (100, 20), (400, 3), (200, 2), (200, 1)] {
            for truth in [3_u64, 10, 100, 300, 500, 900, 990] {
                let (tries, mut covered) = (500, 0);
                for _ in 0..tries {
                    let mut total = Total::default();
                    let (mut weight_of_key, mut packets_of_key) = (0, 0);
                    for _ in 0..samples {
                        let weight = 1 + draw(2 * gap - 1);
                        let mut has_key = 0;
                        for _ in 0..weight {
                            has_key = u64::from(draw(1000) < truth);
                            packets_of_key += has_key;
                        }
                        // The last packet of the gap is the sample.
                        total.add(1, weight * PACKET, weight * PACKET);
                        weight_of_key += has_key * weight * PACKET;
                    }
                    let packets = total.verdicts.sum() / PACKET;
                    let share = share(&total, weight_of_key, 0);
                    let right = permille(packets_of_key, packets);
                    covered += u32::from(share.permille.abs_diff(right) <= share.error);
                }
                let case = (samples, gap, truth);
                assert!(
                    covered * 100 >= tries * 93,
                    "{covered} of {tries}: {case:?}"
                );
            }
        }
    }
}
