//! The header and the first question of a DNS message, RFC 1035, section 4.1.

use super::names::{Class, Opcode, Rcode, RecordType};
use super::{Name, u16_at};

/// Port of DNS over UDP and TCP.
pub(super) const PORT: u16 = 53;
/// Length of the header.
pub(super) const HEADER: usize = 12;

/// A DNS message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dns<'a> {
    /// Identifier, which the response repeats.
    pub id: u16,
    /// The flags with opcode and RCODE.
    pub flags: u16,
    /// Numbers of questions, answers, authority records and additional records.
    pub counts: [u16; 4],
    /// First question; `None` if the message has none, or ends before it.
    pub question: Option<Question<'a>>,
}

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// Name that is asked for.
    pub name: Name<'a>,
    /// Type of the records; `None` if the bytes end before it.
    pub kind: Option<RecordType>,
    /// Class of the records; `None` if the bytes end before it.
    pub class: Option<Class>,
}

impl<'a> Dns<'a> {
    /// Reads a message; `None` if the bytes end before its header does.
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        let number = |index: usize| u16_at(message, index * 2);
        let counts = [number(2)?, number(3)?, number(4)?, number(5)?];
        let questions = message.get(HEADER..).filter(|_| counts[0] > 0);
        Some(Self {
            id: number(0)?,
            flags: number(1)?,
            counts,
            question: questions.and_then(Question::parse),
        })
    }

    /// True for a response (QR).
    pub const fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// Kind of the request.
    pub const fn opcode(&self) -> Opcode {
        Opcode((self.flags >> 11 & 0xf) as u8)
    }

    /// True for a response of an authority (AA).
    pub const fn is_authoritative(&self) -> bool {
        self.flags & 0x0400 != 0
    }

    /// True for a truncated message (TC).
    pub const fn is_truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// True if the client asks for recursion (RD).
    pub const fn recursion_desired(&self) -> bool {
        self.flags & 0x0100 != 0
    }

    /// True if the server offers recursion (RA).
    pub const fn recursion_available(&self) -> bool {
        self.flags & 0x0080 != 0
    }

    /// Result of the request, without the bits of an OPT record.
    pub const fn rcode(&self) -> Rcode {
        Rcode((self.flags & 0xf) as u8)
    }
}

impl<'a> Question<'a> {
    /// Reads a question; `None` without any byte of it.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (name, rest) = Name::parse(bytes)?;
        Some(Self {
            name,
            kind: u16_at(rest, 0).map(RecordType),
            class: u16_at(rest, 2).map(Class),
        })
    }
}
