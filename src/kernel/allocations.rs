//! Counter of memory allocations, in test builds only. The daemon does not allocate after its start.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "each block has its SAFETY line; clippy does not find it in a file that a feature enables"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// The system allocator with a counter.
#[derive(Debug)]
pub struct Counted;

/// Allocations and reallocations since the process started.
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

// SAFETY: every call is forwarded to `System` unchanged; counting allocates nothing.
#[expect(
    unsafe_code,
    reason = "an allocator needs unsafe; release builds do not contain this one"
)]
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps to the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the same contract.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps to the same contract.
        unsafe { System.realloc(memory, layout, size) }
    }
}
