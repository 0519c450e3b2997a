//! Capacities, compiled in so that nothing grows at run time. An error about an exceeded capacity names its variable.

/// A capacity, defined in build.rs.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Name of the constant; `COREXDP_` in front gives the environment variable that sets it at build time.
    pub name: &'static str,
    /// Value without that variable.
    pub default: usize,
    /// Value of this build.
    pub value: usize,
    /// Unit and object of the count.
    pub meaning: &'static str,
}

#[allow(clippy::unreadable_literal, reason = "written by the build script")]
mod numbers {
    use super::Capacity;

    include!(concat!(env!("OUT_DIR"), "/capacity.rs"));
}
pub use numbers::*;
