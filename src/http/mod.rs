//! The HTTP server for metrics, health and readiness, in a process without privileges.
//!
//! Before the daemon opens any BPF object and while it may still change ids, it runs its own binary again as *keeper*
//! ([`keeper`]). The keeper becomes nobody and from then on forks workers. For each worker the daemon ([`server`])
//! sends the keeper ends of two socket pairs and a shared page; the listening sockets wait in one of the pairs. The
//! worker ([`worker`]) enters its *cage* ([`cage`]) and speaks HTTP behind the *gate* ([`gate`]). For each request that
//! needs content the worker sends its kind ([`Content`]) and a number; the daemon writes the content to the shared page
//! and answers with the number and the length. A worker may die at any time: the filters go on, and the keeper forks another worker.

pub mod cage;
pub mod gate;
pub mod host;
pub mod keeper;
pub mod listener;
mod routes;
pub mod server;
pub mod worker;

use crate::base::capacity::MAX_PAGE;

/// Bytes of the shared page.
pub const PAGE_SIZE: usize = MAX_PAGE;

/// Content that a worker requests from the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Content of `/metrics`.
    Metrics,
    /// Content of `/`.
    Html,
    /// Content of `/status`.
    Status,
    /// Content of `/health`.
    Health,
    /// Content of `/ready`.
    Ready,
}

impl Content {
    /// Byte on the socket pair.
    const fn byte(self) -> u8 {
        match self {
            Self::Metrics => b'm',
            Self::Html => b'/',
            Self::Status => b's',
            Self::Health => b'h',
            Self::Ready => b'r',
        }
    }

    /// The request of this byte; `None` for a byte that no sound worker sends.
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

/// A worker's request to the daemon. The answer repeats the number: an answer to a request that timed out may arrive
/// after the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    content: Content,
    number: u32,
}

impl Request {
    /// Bytes of the message.
    const SIZE: usize = 5;

    /// The message on the socket pair.
    const fn to_bytes(self) -> [u8; Self::SIZE] {
        let [a, b, c, d] = self.number.to_ne_bytes();
        [self.content.byte(), a, b, c, d]
    }

    /// Parses a message; `None` for a message that no sound worker sends.
    fn from_bytes(message: &[u8]) -> Option<Self> {
        let (&byte, number) = message.split_first()?;
        Some(Self {
            content: Content::from_byte(byte)?,
            number: u32::from_ne_bytes(number.try_into().ok()?),
        })
    }
}

/// The daemon's answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer {
    /// Number of the request.
    number: u32,
    /// [`Rendered::word`], or [`FAILED`].
    word: u32,
}

impl Answer {
    /// Bytes of the message.
    const SIZE: usize = 8;

    /// The message on the socket pair, in two parts.
    const fn to_parts(self) -> [[u8; 4]; 2] {
        [self.number.to_ne_bytes(), self.word.to_ne_bytes()]
    }

    /// Parses a message; `None` for another length.
    fn from_bytes(message: &[u8]) -> Option<Self> {
        let (number, word) = message.split_first_chunk()?;
        Some(Self {
            number: u32::from_ne_bytes(*number),
            word: u32::from_ne_bytes(word.try_into().ok()?),
        })
    }
}

/// Descriptors that a worker starts with.
struct WorkerDescriptors<T> {
    /// The worker's end of the pair for requests.
    requests: T,
    /// The worker's end of the pair from which listening sockets arrive.
    listen: T,
    /// The shared page.
    page: T,
}

impl<T> WorkerDescriptors<T> {
    /// The descriptors in the order of the message.
    fn into_array(self) -> [T; 3] {
        [self.requests, self.listen, self.page]
    }

    /// The descriptors of a message; `None` if one is missing.
    fn from_message(descriptors: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut descriptors = descriptors.into_iter();
        Some(Self {
            requests: descriptors.next()?,
            listen: descriptors.next()?,
            page: descriptors.next()?,
        })
    }
}

/// Content on the shared page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Length in bytes.
    pub length: usize,
    /// False for content with status 503: an interface without filter at `/ready`.
    pub good: bool,
}

impl Rendered {
    /// The daemon's answer on the socket pair; `None` for a length of 2 GiB or more.
    fn word(self) -> Option<u32> {
        let length = u32::try_from(self.length).ok();
        let length = length.filter(|length| length & BAD == 0)?;
        Some(if self.good { length } else { length | BAD })
    }

    /// Parses the daemon's answer; `None` for a length beyond the shared page, as in [`FAILED`].
    fn from_word(word: u32) -> Option<Self> {
        let length = usize::try_from(word & !BAD).ok();
        Some(Self {
            length: length.filter(|&length| length <= PAGE_SIZE)?,
            good: word & BAD == 0,
        })
    }
}

/// Bit of [`Rendered::word`] for content that is not good.
const BAD: u32 = 1 << 31;
/// The daemon's answer when rendering failed.
const FAILED: u32 = u32::MAX;
