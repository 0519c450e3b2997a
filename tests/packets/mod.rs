//! Frames to feed to an XDP program, the place to run it in, and what each of
//! the example programs must make of them.

mod count;
mod frame;
mod limit;
mod ordered;
pub(crate) mod sandbox;
pub(crate) mod subnet;

pub(crate) use frame::*;
