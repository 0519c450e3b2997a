//! The HTTP server for metrics, health and readiness, in a process without privileges.
//!
//! Before the daemon opens any BPF object, and while it may still change ids, it executes its own binary as *keeper*
//! ([`keeper`]). The keeper becomes nobody, and then forks workers. For each worker, the daemon ([`server`]) sends the
//! keeper the ends of two socket pairs and shared memory; one of the pairs carries the listening sockets. The worker
//! ([`worker`]) enters its *cage* ([`cage`]) and speaks HTTP behind the *gate* ([`gate`]). For each request that needs
//! content, the worker sends the kind of content ([`Content`]) and a number. The daemon writes the content to the shared
//! page and answers with the number and the length. A worker may die at any time: filters do not depend on it, and the
//! keeper forks another worker.

pub mod cage;
pub mod gate;
pub mod host;
pub mod keeper;
pub mod listener;
mod routes;
pub mod server;
pub mod worker;

use crate::base::capacity::MAX_PAGE;

/// Bytes of the shared memory.
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
    /// Byte that stands for the content in a message.
    const fn byte(self) -> u8 {
        match self {
            Self::Metrics => b'm',
            Self::Html => b'/',
            Self::Status => b's',
            Self::Health => b'h',
            Self::Ready => b'r',
        }
    }

    /// The content of this byte; `None` for a byte that no sound worker sends.
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

/// A worker's request to the daemon. The answer repeats the number, so that the worker recognizes a late answer to a
/// request that timed out.
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
    /// The worker's end of the socket pair for requests.
    requests: T,
    /// The worker's end of the socket pair for listening sockets.
    listen: T,
    /// The shared memory.
    page: T,
}

impl<T> WorkerDescriptors<T> {
    /// The descriptors in the order of the message.
    fn into_array(self) -> [T; 3] {
        [self.requests, self.listen, self.page]
    }

    /// The descriptors of a message; `None` if a descriptor is missing.
    fn from_message(descriptors: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut descriptors = descriptors.into_iter();
        Some(Self {
            requests: descriptors.next()?,
            listen: descriptors.next()?,
            page: descriptors.next()?,
        })
    }
}

/// Content on the shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Length in bytes.
    pub length: usize,
    /// True for status 200, false for 503: `/ready` while a filter is not attached.
    pub available: bool,
}

impl Rendered {
    /// Word of the daemon's answer; `None` for a length of 2 GiB or more.
    fn word(self) -> Option<u32> {
        let length = u32::try_from(self.length).ok();
        let length = length.filter(|length| length & UNAVAILABLE == 0)?;
        Some(if self.available {
            length
        } else {
            length | UNAVAILABLE
        })
    }

    /// Parses the word of an answer; `None` for a length beyond the shared memory, such as that of [`FAILED`].
    fn from_word(word: u32) -> Option<Self> {
        let length = usize::try_from(word & !UNAVAILABLE).ok();
        Some(Self {
            length: length.filter(|&length| length <= PAGE_SIZE)?,
            available: word & UNAVAILABLE == 0,
        })
    }
}

/// Bit of [`Rendered::word`] for status 503.
const UNAVAILABLE: u32 = 1 << 31;
/// Word of the daemon's answer when rendering failed.
const FAILED: u32 = u32::MAX;
