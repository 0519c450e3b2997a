//! The metrics page, served by a second process that holds no power.
//!
//! Before it has anything of BPF and while it still may change ids, the daemon runs its own binary again as a *keeper*
//! ([`keeper`]), which becomes nobody and from then on makes workers. For each the daemon ([`server`]) sends the keeper
//! one end of a socket pair, a shared page and the listening sockets. The worker ([`worker`]), a copy of the keeper,
//! locks itself into its cage ([`cage`]) and talks HTTP, behind a gate that bounds what it meets. For each request that needs content it sends one byte
//! ([`Content`]); the daemon writes the content to the shared page and answers with its length. The worker can be killed
//! at any time: the filter notices nothing, and the keeper makes another.

pub mod cage;
pub mod gate;
pub mod keeper;
pub mod listener;
mod routes;
pub mod server;
pub mod worker;

use crate::base::capacity::MAX_PAGE;

/// Bytes of the shared page.
pub const PAGE_SIZE: usize = MAX_PAGE;

/// What a worker can ask for, one byte on the socket pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `/metrics`
    Metrics,
    /// `/`
    Html,
    /// `/status`
    Status,
    /// `/health`
    Health,
    /// `/ready`
    Ready,
}

impl Content {
    /// The byte on the wire.
    const fn byte(self) -> u8 {
        match self {
            Self::Metrics => b'm',
            Self::Html => b'/',
            Self::Status => b's',
            Self::Health => b'h',
            Self::Ready => b'r',
        }
    }

    /// What a byte from the worker means; `None` for a byte that an honest worker does not send.
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'm' => Some(Self::Metrics),
            b'/' => Some(Self::Html),
            b's' => Some(Self::Status),
            b'h' => Some(Self::Health),
            b'r' => Some(Self::Ready),
            _ => None,
        }
    }
}

/// What the daemon made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// How long it is.
    pub length: usize,
    /// Whether it says that all is well.
    pub good: bool,
}

impl Made {
    /// As the worker is told.
    fn word(self) -> Option<u32> {
        let length = u32::try_from(self.length).ok();
        let length = length.filter(|length| length & BAD == 0)?;
        Some(if self.good { length } else { length | BAD })
    }

    /// The same from the other end; `None` for what there is no room for.
    fn from_word(word: u32) -> Option<Self> {
        let length = usize::try_from(word & !BAD).ok();
        Some(Self {
            length: length.filter(|&length| length <= PAGE_SIZE)?,
            good: word & BAD == 0,
        })
    }
}

/// The bit for content that says that something is wrong.
const BAD: u32 = 1 << 31;
/// The answer when content could not be made.
const FAILED: u32 = u32::MAX;
