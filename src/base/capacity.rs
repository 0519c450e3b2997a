//! How much of everything there can be. Compiled in, so that nothing grows; exceeding one is an error that names it.

#[allow(clippy::unreadable_literal, reason = "written by the build script")]
mod numbers {
    include!(concat!(env!("OUT_DIR"), "/capacity.rs"));
}
pub use numbers::*;
