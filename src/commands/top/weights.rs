//! Weights of packets by verdict.

/// Verdicts in the order of `enum xdp_action`.
pub(super) const VERDICTS: [&str; 5] = ["aborted", "drop", "pass", "tx", "redirect"];
pub(super) const ABORTED: usize = 0;
pub(super) const DROP: usize = 1;
pub(super) const TX: usize = 3;

/// Weight of one packet. Fractions of a packet remain when weights decay.
pub(super) const PACKET: u64 = 1 << 10;

/// Weights by verdict, in the order of [`VERDICTS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weights([u64; VERDICTS.len()]);

impl Weights {
    /// Adds the weight of packets with this verdict. A number above `XDP_REDIRECT` counts as aborted: the kernel treats it
    /// so.
    pub(super) fn add(&mut self, verdict: u16, weight: u64) {
        let number = usize::from(verdict);
        let known = number < VERDICTS.len();
        if let Some(sum) = self.0.get_mut(if known { number } else { ABORTED }) {
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

    pub(super) fn of(&self, verdict: usize) -> u64 {
        self.0.get(verdict).copied().unwrap_or(0)
    }

    /// Weight of the packets that were dropped, by the program or because it failed.
    pub(super) fn dropped(&self) -> u64 {
        self.of(DROP).saturating_add(self.of(ABORTED))
    }

    /// The weights of one verdict only.
    pub(super) fn only(&self, verdict: usize) -> Self {
        let mut only = Self::default();
        if let (Some(to), Some(from)) = (only.0.get_mut(verdict), self.0.get(verdict)) {
            *to = *from;
        }
        only
    }
}

/// Decays a number to three quarters. Once a second, 94 % of the remaining weight is from the last 10 s.
pub(super) const fn decay(number: &mut u64) {
    *number -= number.div_ceil(4);
}
