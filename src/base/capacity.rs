//! The capacities, compiled in so that nothing grows at run time; an error that exceeds one names it.

/// A capacity, as build.rs has it.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// The constant; the environment variable that sets it has `COREXDP_` in front.
    pub name: &'static str,
    /// The value unless the variable was set.
    pub default: usize,
    /// The value of this build.
    pub value: usize,
    /// The unit, and what is counted.
    pub meaning: &'static str,
}

#[allow(clippy::unreadable_literal, reason = "written by the build script")]
mod numbers {
    use super::Capacity;

    include!(concat!(env!("OUT_DIR"), "/capacity.rs"));
}
pub use numbers::*;
