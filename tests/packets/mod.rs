//! Frames to feed to an XDP program, the place to run it in, and what each of
//! the example programs must make of them.

mod acl;
mod count;
mod frame;
mod limit;
pub mod sandbox;
pub mod subnet;

pub use frame::*;
