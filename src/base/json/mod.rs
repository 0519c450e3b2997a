//! JSON: the writer of all output, and the reader of the daemon's responses.

mod controls;
mod read;
mod write;

pub use read::Value;
pub use write::{Output, Shown, Sink, Writer};
