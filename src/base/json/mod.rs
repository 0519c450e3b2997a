//! JSON: the writer of all output, and the reader of the daemon's responses.

mod controls;
mod read;
mod shown;
mod write;

pub use read::Value;
pub use shown::Shown;
pub use write::{Output, Sink, Writer};
