//! The value of the map [`SETTINGS`](super::SETTINGS): a client's request for samples, as the frame reads it, and the state
//! of sampling that all CPUs share.
//!
//! ```text
//!  0  u32 session     differs for each session; 0 while nobody samples
//!  4  u32 verdicts    a bit for each verdict whose packets are sampled
//!  8  u32 stage       number for the samples
//! 12  u32 one_in      least mean number of packets for one sample
//! 16  u64 window      nanoseconds
//! 24  u32 limit       maximum number of samples in a window
//! 28  u32 aim         number of samples in a window for which the frame chooses the gap
//! 32  u32 wake        bytes in the ring buffer at which the frame wakes the reader
//! 64  u64 start       time at which the window began
//! 72  u64 packets     in this window
//! 80  u64 taken       samples in this window
//! 88  u64 gap         present mean number of packets for one sample
//! ```
//!
//! The frame writes from offset 64: another cache line than the one that it reads for each packet.

pub(super) const SESSION: i16 = 0;
pub(super) const VERDICTS: i16 = 4;
pub(super) const STAGE: i16 = 8;
pub(super) const ONE_IN: i16 = 12;
pub(super) const WINDOW: i16 = 16;
pub(super) const LIMIT: i16 = 24;
pub(super) const AIM: i16 = 28;
pub(super) const WAKE: i16 = 32;
pub(super) const START: i16 = 64;
pub(super) const PACKETS: i16 = 72;
pub(super) const TAKEN: i16 = 80;
pub(super) const GAP: i16 = 88;
/// Bytes of the value.
pub const SETTINGS_SIZE: usize = 96;

/// Settings of a stage for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Differs for each session; not 0.
    pub session: u32,
    /// A bit for each verdict whose packets are sampled: bit 0 for `XDP_ABORTED` to bit 4 for `XDP_REDIRECT`, and bit 5 for
    /// greater numbers.
    pub verdicts: u32,
    /// Number of the stage.
    pub stage: u32,
    /// Least mean number of packets for one sample.
    pub one_in: u32,
    /// Maximum number of samples in a second, of all CPUs.
    pub rate: u32,
    /// Bytes in the ring buffer at which the reader is woken.
    pub wake: u32,
}

/// Shortest window.
const MIN_WINDOW: u64 = 100_000_000;
const SECOND: u64 = 1_000_000_000;

impl Settings {
    /// The value of the map.
    pub fn bytes(&self) -> [u8; SETTINGS_SIZE] {
        let rate = u64::from(self.rate.max(1));
        // At low rates the window is longer, so that it has at least 4 samples.
        let window = MIN_WINDOW.max(4 * SECOND / rate);
        let limit = u32::try_from(window * rate / SECOND).unwrap_or(u32::MAX);
        let one_in = self.one_in.max(1);
        let mut bytes = [0; SETTINGS_SIZE];
        let mut put = |offset: i16, field: &[u8]| {
            let from = usize::from(offset.unsigned_abs());
            if let Some(room) = bytes.get_mut(from..from + field.len()) {
                room.copy_from_slice(field);
            }
        };
        for (offset, number) in [
            (SESSION, self.session),
            (VERDICTS, self.verdicts),
            (STAGE, self.stage),
            (ONE_IN, one_in),
            (LIMIT, limit),
            // Below the limit, so that a window rarely runs out of samples before its end.
            (AIM, limit - limit / 4),
            (WAKE, self.wake),
        ] {
            put(offset, &number.to_ne_bytes());
        }
        put(WINDOW, &window.to_ne_bytes());
        put(GAP, &u64::from(one_in).to_ne_bytes());
        bytes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    #[test]
    fn rate_becomes_window_limit_and_aim() {
        for (rate, window, limit, aim) in [
            (1000, 100, 100, 75),
            (40, 100, 4, 3),
            (10, 400, 4, 3),
            (1, 4000, 4, 3),
            (0, 4000, 4, 3),
            (u32::MAX, 100, 429_496_729, 322_122_547),
        ] {
            let settings = Settings {
                session: 7,
                verdicts: 6,
                stage: 2,
                one_in: 10,
                rate,
                wake: 4096,
            };
            let bytes = settings.bytes();
            let number = |offset: i16| {
                let from = usize::from(offset.unsigned_abs());
                u32::from_ne_bytes(*bytes.get(from..).unwrap().first_chunk().unwrap())
            };
            let shown = [SESSION, VERDICTS, STAGE, ONE_IN, WAKE].map(number);
            assert_eq!(shown, [7, 6, 2, 10, 4096]);
            let shown = [WINDOW, LIMIT, AIM, GAP].map(number);
            // The lower half of the window, of 8 bytes; at most 4.3 s.
            assert_eq!(shown, [window * 1_000_000, limit, aim, 10], "{rate}");
        }
    }
}
