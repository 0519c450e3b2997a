//! Frames for an XDP program, a sandbox that runs it, and the model that its verdicts are compared with.

pub mod answer;
pub mod cookie;
pub mod filter;
pub mod frame;
mod headers;
pub mod kernel;
pub mod message;
pub mod model;
pub mod name_table;
pub mod sandbox;
pub mod table;
