//! Small modules that every room may import. This room imports no other.

pub mod capacity;
pub mod diagnostic;
pub mod digest;
pub mod escape;
pub mod exit;
pub mod files;
pub mod hex;
pub mod index;
pub mod json;
pub mod ktime;
pub mod quantity;
pub mod rate;
pub mod sha256;
pub mod suggest;
pub mod text;
pub mod utc;
pub mod wait;
