//! The metrics page, served by a second process that holds no power.
//!
//! The daemon starts its own binary again as a worker ([`server`]), with a socket pair, a shared page and the listening
//! sockets, and nothing else. The worker ([`worker`]) talks HTTP, behind a gate that bounds what it meets. For each request that needs content it sends one
//! byte ([`Content`]); the daemon writes the content to the shared page and answers with its length. The worker can be
//! killed at any time: the filter notices nothing, and a new one is started.

mod gate;
pub mod listener;
pub mod server;
pub mod worker;

use crate::capacity::MAX_PAGE;

/// The word that makes the binary a worker.
pub const WORKER: &str = "page-worker";

/// Descriptors that a worker is born with.
const SOCKET_FD: i32 = 3;
const PAGE_FD: i32 = 4;
const FIRST_LISTENER_FD: i32 = 5;

/// Bytes of the shared page.
const PAGE_SIZE: usize = MAX_PAGE;

/// What a worker can ask for, one byte on the socket pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `/metrics`
    Metrics,
    /// `/`
    Overview,
}

impl Content {
    /// The byte on the wire.
    const fn byte(self) -> u8 {
        match self {
            Self::Metrics => b'm',
            Self::Overview => b'/',
        }
    }

    /// What a byte from the worker means; `None` for a byte that an honest worker does not send.
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'm' => Some(Self::Metrics),
            b'/' => Some(Self::Overview),
            _ => None,
        }
    }
}

/// The answer when content could not be made.
const FAILED: u32 = u32::MAX;
