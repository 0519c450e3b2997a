//! Packets of a client that adds and deletes decisions: many changes in one packet.
//!
//! A change is, in native byte order: the id of the map (4 bytes), 1 to add or 0 to delete (1), nanoseconds until the end or
//! 0 for no end (8), the lengths of key and value (2 each), key and value. Zeros at the end of key and value are left out.

use nix::errno::Errno;

use super::PACKET;
use crate::filter::Refused;

/// Start of the packet.
const START: &[u8] = b"decide ";

/// A decision to add or to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// Id of the map in the kernel.
    pub map: u32,
    /// Bytes of the key.
    pub key: &'a [u8],
    /// Bytes of the value; `None` to delete the decision.
    pub value: Option<&'a [u8]>,
    /// Nanoseconds until the end; `None` for no end.
    pub time: Option<u64>,
}

/// The changes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes<'a>(&'a [u8]);

impl<'a> Changes<'a> {
    /// Parses a packet; `None` for another request, and if a change is incomplete.
    pub(super) fn parse(packet: &'a [u8]) -> Option<Self> {
        let changes = Self(packet.strip_prefix(START)?);
        let mut rest = changes.clone();
        while rest.next().is_some() {}
        rest.0.is_empty().then_some(changes)
    }

    /// The packet of these changes.
    pub(super) fn packet(&self) -> Vec<u8> {
        [START, self.0].concat()
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = Change<'a>;

    fn next(&mut self) -> Option<Change<'a>> {
        let (map, rest) = self.0.split_first_chunk()?;
        let ([verb], rest) = rest.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u16::from_ne_bytes(*key).into())?;
        let (value, rest) = rest.split_at_checked(u16::from_ne_bytes(*value).into())?;
        self.0 = rest;
        let time = u64::from_ne_bytes(*time);
        Some(Change {
            map: u32::from_ne_bytes(*map),
            key,
            value: (*verb == 1).then_some(value),
            time: (time > 0).then_some(time),
        })
    }
}

/// A packet that is being made.
#[derive(Debug, Default)]
pub struct ChangesBuffer(Vec<u8>);

impl ChangesBuffer {
    /// Adds a change. Returns false if the packet has no room for it.
    pub fn push(&mut self, change: &Change<'_>) -> bool {
        let trimmed = |bytes: &'_ [u8]| {
            bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count()
        };
        let value = change.value.unwrap_or_default();
        let (key_size, value_size) = (trimmed(change.key), trimmed(value));
        let length = |size| u16::try_from(size).unwrap_or(u16::MAX).to_ne_bytes();
        let parts: [&[u8]; 7] = [
            &change.map.to_ne_bytes(),
            &[u8::from(change.value.is_some())],
            &change.time.unwrap_or(0).to_ne_bytes(),
            &length(key_size),
            &length(value_size),
            change.key.get(..key_size).unwrap_or_default(),
            value.get(..value_size).unwrap_or_default(),
        ];
        let size: usize = parts.iter().map(|part| part.len()).sum();
        let fits = START.len() + self.0.len() + size < PACKET;
        if fits {
            self.0.extend(parts.concat());
        }
        fits
    }

    /// The changes so far.
    pub fn changes(&self) -> Changes<'_> {
        Changes(&self.0)
    }

    /// True if there are no changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all changes.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// The result of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The map is changed.
    Done,
    /// The daemon has no map of this id: a reload replaced it.
    Gone,
    /// The map is unchanged.
    Refused(Refused),
}

/// Codes of outcomes without an errno, which is at most 4095.
const GONE: u16 = 4096;
const KIND: u16 = 4097;
const GIVEN: u16 = 4098;
const UNKNOWN: u16 = 4099;

impl Outcome {
    /// The outcome as a number.
    pub fn code(self) -> u16 {
        match self {
            Self::Done => 0,
            Self::Gone => GONE,
            Self::Refused(Refused::Kind) => KIND,
            Self::Refused(Refused::Given) => GIVEN,
            Self::Refused(Refused::Unknown) => UNKNOWN,
            Self::Refused(Refused::Kernel(errno)) => {
                u16::try_from(errno as i32).unwrap_or_default()
            }
        }
    }

    /// The outcome of a number.
    pub fn of(code: u16) -> Self {
        match code {
            0 => Self::Done,
            GONE => Self::Gone,
            KIND => Self::Refused(Refused::Kind),
            GIVEN => Self::Refused(Refused::Given),
            UNKNOWN => Self::Refused(Refused::Unknown),
            errno => Self::Refused(Refused::Kernel(Errno::from_raw(errno.into()))),
        }
    }
}

impl From<Result<(), Refused>> for Outcome {
    fn from(result: Result<(), Refused>) -> Self {
        result.map_or_else(Self::Refused, |()| Self::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGES: [Change<'static>; 3] = [
        Change {
            map: 7,
            key: &[24, 0, 0, 0, 192, 0, 2],
            value: Some(&[2]),
            time: Some(600_000_000_000),
        },
        Change {
            map: 7,
            key: b"\x07example",
            value: None,
            time: None,
        },
        Change {
            map: u32::MAX,
            key: &[],
            value: Some(&[]),
            time: None,
        },
    ];

    #[test]
    fn changes_round_trip_and_incomplete_packets_are_refused() {
        let mut buffer = ChangesBuffer::default();
        assert!(buffer.is_empty());
        for change in &CHANGES {
            assert!(buffer.push(change));
        }
        let packet = buffer.changes().packet();
        let parsed = Changes::parse(&packet).unwrap();
        assert_eq!(parsed.collect::<Vec<_>>(), CHANGES);
        assert_eq!(Changes::parse(b"decide "), Some(Changes(&[])));
        for length in 0..packet.len() {
            let cut = Changes::parse(&packet[..length]);
            let whole = cut.is_none_or(|cut| cut.count() < CHANGES.len());
            assert!(whole, "{length}");
        }
    }

    #[test]
    fn packet_is_full_before_its_limit_and_trailing_zeros_are_left_out() {
        let mut buffer = ChangesBuffer::default();
        let mut key = [0; 256];
        key[0] = 1;
        let change = Change {
            map: 1,
            key: &key,
            value: Some(&[0; 1024]),
            time: None,
        };
        let mut count = 0;
        while buffer.push(&change) {
            count += 1;
        }
        assert_eq!(
            (count, buffer.changes().next().unwrap().key),
            (227, &[1][..])
        );
        assert!(buffer.changes().packet().len() < PACKET);
        buffer.clear();
        assert!(buffer.push(&change));
    }

    #[test]
    fn outcomes_round_trip() {
        for outcome in [
            Outcome::Done,
            Outcome::Gone,
            Outcome::Refused(Refused::Kind),
            Outcome::Refused(Refused::Given),
            Outcome::Refused(Refused::Unknown),
            Outcome::Refused(Refused::Kernel(Errno::E2BIG)),
        ] {
            assert_eq!(Outcome::of(outcome.code()), outcome);
        }
    }
}
