//! State of sampling on one CPU: numbers after the counters in the value of the map [`TOTALS`](super::TOTALS). The constants
//! are their offsets in this value; each number has 8 bytes.

/// Samples that were lost because the ring buffer was full.
pub(super) const LOST: i16 = 96;
/// Packets since the previous sample.
pub(super) const WEIGHT: i16 = 104;
/// Packets left in this step, less one.
pub(super) const LEFT: i16 = 112;
/// Packets in this step.
pub(super) const STEP: i16 = 120;
/// Packets between this step and the next sample.
pub(super) const REST: i16 = 128;
/// Time of the end of the step, until the sample has it.
pub(super) const TIME: i16 = 136;
/// Flags for `bpf_ringbuf_submit`.
pub(super) const FLAGS: i16 = 144;
/// Session to which these numbers belong.
pub(super) const ITS_SESSION: i16 = 152;
/// Bytes of these numbers.
pub(super) const SIZE: usize = 64;
