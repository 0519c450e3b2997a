//! The ground of the crate: every room may import it, and it imports no room.

pub mod capacity;
pub mod diagnostic;
pub mod digest;
pub mod escape;
pub mod exit;
pub mod files;
pub mod hex;
pub mod json;
pub mod suggest;
pub mod text;
pub mod utc;
pub mod wait;
