//! Weights of packets by verdict.

/// Number of verdicts.
pub(super) const VERDICTS: u16 = 5;
/// Verdicts in `enum xdp_action`.
pub(super) const ABORTED: u16 = 0;
pub(super) const DROP: u16 = 1;
pub(super) const TX: u16 = 3;

/// Weight of one packet. Fractions of a packet remain when weights decay.
pub(super) const PACKET: u64 = 1 << 10;

/// Weights by verdict, in the order of `enum xdp_action`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weights([u64; VERDICTS as usize]);

impl Weights {
    /// Adds the weight of packets with this verdict. A number above `XDP_REDIRECT` counts as aborted: the kernel treats it
    /// so.
    pub(super) fn add(&mut self, verdict: u16, weight: u64) {
        let known = if verdict < VERDICTS { verdict } else { ABORTED };
        if let Some(sum) = self.0.get_mut(usize::from(known)) {
            *sum = sum.saturating_add(weight);
        }
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        for (weight, other) in self.0.iter_mut().zip(&other.0) {
            *weight = weight.saturating_sub(*other);
        }
    }

    pub(super) fn decay(&mut self) {
        self.0.iter_mut().for_each(decay);
    }

    pub(super) fn sum(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, weight| sum.saturating_add(*weight))
    }

    pub(super) fn of(&self, verdict: u16) -> u64 {
        self.0.get(usize::from(verdict)).copied().unwrap_or(0)
    }

    /// Weight of the packets that were dropped, by the program or because it failed.
    pub(super) fn dropped(&self) -> u64 {
        self.of(DROP).saturating_add(self.of(ABORTED))
    }
}

/// Decays a number to three quarters. Once a second, 94 % of the remaining weight is from the last 10 s.
pub(super) const fn decay(number: &mut u64) {
    *number -= number.div_ceil(4);
}
