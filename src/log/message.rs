//! A message to a destination, and the result of an attempt to send it.

use super::MAX_LINE;

/// Maximum size of a message with priority, time and name, in bytes. Less than `PIPE_BUF` (4096 bytes), so that a pipe
/// takes a message as a whole.
const MAX_MESSAGE: usize = MAX_LINE + 128;

/// A message in the format of its destination.
pub(super) type Message = heapless::Vec<u8, MAX_MESSAGE>;

/// Result of an attempt to send a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The destination took the message.
    Sent,
    /// The destination is missing or full. A retry may succeed.
    Later,
    /// The destination no longer has a reader. No retry is planned; the next message makes another attempt.
    Closed,
}
