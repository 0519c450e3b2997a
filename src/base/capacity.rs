//! Capacities, fixed at build time so that no buffer grows at run time. Each error about a capacity names it.

/// A capacity, as defined in build.rs.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// The name of the constant. The environment variable that sets it at build time has the prefix `COREXDP_`.
    pub name: &'static str,
    /// The value without that variable.
    pub default: usize,
    /// The value of this build.
    pub value: usize,
    /// The unit and the counted thing.
    pub meaning: &'static str,
}

#[allow(clippy::unreadable_literal, reason = "written by the build script")]
mod numbers {
    use super::Capacity;

    include!(concat!(env!("OUT_DIR"), "/capacity.rs"));
}
pub use numbers::*;
