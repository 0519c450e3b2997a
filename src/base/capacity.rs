//! Capacities, compiled in so that nothing grows at run time. An error about an exceeded capacity names the environment
//! variable that sets the capacity at build time.

/// A capacity, defined in build.rs.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Name of the constant. The environment variable that sets the capacity at build time is `COREXDP_` and this name.
    pub name: &'static str,
    /// Value of a build without the variable.
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
