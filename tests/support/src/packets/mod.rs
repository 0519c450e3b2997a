//! Frames to feed to an XDP program, the place to run it in, and the model that its verdicts are held against.

pub mod filter;
pub mod frame;
pub mod kernel;
pub mod message;
pub mod model;
pub mod sandbox;
