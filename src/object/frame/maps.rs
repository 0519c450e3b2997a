//! The maps of the frame.

use super::settings::SETTINGS_SIZE;
use super::state;
use crate::object::{MapDef, MapKind};

/// Start of the names of the frame's maps. The dot prevents a clash with a map of the program: C names have no dot.
const PREFIX: &str = "frame.";
/// Name of the map with the counters.
pub const TOTALS: &str = "frame.totals";
/// Number of counters: one for each verdict of `enum xdp_action`, and one for all greater numbers, which the kernel
/// treats as `XDP_ABORTED`.
pub const VERDICTS: usize = 6;
/// Bytes of one verdict's counters: packets, then bytes, each a `u64` in host order.
pub const TOTAL_SIZE: usize = 16;
const _: () = assert!(state::LOST as usize == VERDICTS * TOTAL_SIZE);

/// Name of the map with the next program of the chain.
pub const NEXT: &str = "frame.next";
/// Name of the map whose only slot has the ring buffer for samples; the slot is empty while nobody samples.
pub const RINGS: &str = "frame.rings";
/// Name of the map with the [`Settings`](super::Settings) of samples, all zero while nobody samples.
pub const SETTINGS: &str = "frame.settings";

/// True for the name of a map of the frame.
pub fn is_frame_map(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Number of samples that one CPU lost because the ring buffer was full. `value` is the CPU's value of [`TOTALS`].
pub fn lost_samples(value: &[u8]) -> u64 {
    let at = usize::from(state::LOST.unsigned_abs());
    let lost = value.get(at..).and_then(<[u8]>::first_chunk);
    lost.map_or(0, |lost| u64::from_ne_bytes(*lost))
}

/// Definition of the counters.
pub(super) fn totals() -> MapDef {
    let size = VERDICTS * TOTAL_SIZE + state::SIZE;
    single(TOTALS, MapKind::PERCPU_ARRAY, size)
}

/// Definition of the map with the next program.
pub(super) fn next() -> MapDef {
    single(NEXT, MapKind::PROG_ARRAY, 4)
}

/// Definition of the map with the ring buffer.
pub(super) fn rings() -> MapDef {
    MapDef {
        inner: Some(Box::new(ring(1))),
        ..single(RINGS, MapKind::ARRAY_OF_MAPS, 4)
    }
}

/// Definition of the map with the settings of samples.
pub(super) fn settings() -> MapDef {
    single(SETTINGS, MapKind::ARRAY, SETTINGS_SIZE)
}

/// Definition of a ring buffer for samples; its size in bytes is rounded up to a power of two of pages.
pub fn ring(size: u32) -> MapDef {
    MapDef {
        kind: MapKind::RINGBUF,
        max_entries: size,
        ..MapDef::new("frame.ring")
    }
}

/// Definition of an array with one entry.
fn single(name: &str, kind: MapKind, value_size: usize) -> MapDef {
    MapDef {
        kind,
        key_size: 4,
        value_size: u32::try_from(value_size).unwrap_or_default(),
        max_entries: 1,
        ..MapDef::new(name)
    }
}
