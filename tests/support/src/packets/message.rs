//! DNS messages: a builder, and a second parser as the reference for the programs.

use super::model::{Facts, wide};

/// A message being built.
#[derive(Clone, Debug)]
pub struct Message {
    /// The message in wire format.
    pub bytes: Vec<u8>,
}

/// A query for a name in presentation format, with RD set.
pub fn query(name: &str, kind: u16) -> Message {
    let mut bytes = vec![0xbe, 0xef, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    bytes.extend(wire(name));
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    Message { bytes }
}

/// A name in wire format.
pub fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

impl Message {
    /// Adds an OPT record with this UDP payload size and these options.
    pub fn edns(mut self, size: u16, options: &[u8]) -> Message {
        self.bytes[11] += 1;
        self.bytes.extend([0, 0, 41]);
        self.bytes.extend(size.to_be_bytes());
        self.bytes.extend([0, 0, 0x80, 0]);
        self.bytes
            .extend(u16::try_from(options.len()).unwrap().to_be_bytes());
        self.bytes.extend(options);
        self
    }

    /// Changes one byte of the message.
    pub fn with(mut self, position: usize, byte: u8) -> Message {
        self.bytes[position] = byte;
        self
    }

    /// Appends bytes to the message.
    pub fn followed_by(mut self, more: &[u8]) -> Message {
        self.bytes.extend(more);
        self
    }

    /// Changes the class of the question.
    pub fn class(mut self, class: u8) -> Message {
        let last = self.bytes.len() - 1;
        self.bytes[last] = class;
        self
    }
}

/// A COOKIE option with a cookie of `size` bytes.
pub fn cookie(size: u8) -> Vec<u8> {
    let mut option = vec![0, 10, 0, size];
    option.resize(4 + usize::from(size), 0xc0);
    option
}

/// The counters of messages that a program passes to the server unparsed.
pub const UNPARSED: [&str; 2] = ["other_opcode", "no_question"];

/// The question section of a query.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    /// The labels in the case of the query.
    pub labels: Vec<Vec<u8>>,
    pub kind: u16,
    pub class: u16,
    /// Offset of the message in the frame.
    pub begin: usize,
    pub behind: usize,
    /// Offset of the OPT record in the frame.
    pub opt: Option<usize>,
}

impl Asked {
    /// Parses the query in a UDP frame. The error is the counter of the message, such as those of [`UNPARSED`].
    pub fn of(frame: &[u8], facts: &Facts) -> Result<Self, &'static str> {
        let udp = facts.transport;
        let cut = if facts.fragment {
            "fragment"
        } else {
            "bad_length"
        };
        let length = usize::from(wide(frame, udp + 4).ok_or(cut)?);
        let end = if facts.fragment {
            frame.len().min(udp + length.max(20))
        } else {
            udp + length
        };
        let message = frame.get(udp + 8..end).ok_or(cut)?;
        if message.len() < 12 {
            return Err(cut);
        }
        // The length is that of the whole datagram, in a first fragment too.
        if length < 20 {
            return Err("bad_length");
        }
        let count = |at| wide(message, at).unwrap();
        if message[2] & 0x78 != 0 {
            return Err("other_opcode");
        }
        if message[2] & 0x80 != 0 {
            return Err("bad_qr");
        }
        if count(4) > 1 || count(6) != 0 || count(8) > 1 {
            return Err("bad_counts");
        }
        let parsed = match count(4) {
            0 => Err(no_question(message)),
            _ => Self::parse(message, udp + 8, length.saturating_sub(8)),
        };
        // A first fragment has at least the whole question.
        parsed.map_err(|counter| {
            if facts.fragment && counter != "no_question" {
                "fragment"
            } else {
                counter
            }
        })
    }

    /// The question of a whole UDP frame with one, whatever its other sections have.
    pub fn question_of(frame: &[u8], facts: &Facts) -> Option<Self> {
        let udp = facts.transport;
        let length = usize::from(wide(frame, udp + 4)?);
        let message = frame.get(udp + 8..udp + length)?;
        let header = message.get(..12)?;
        if header[2] & 0xf8 != 0 || wide(header, 4) != Some(1) {
            return None;
        }
        let (labels, at) = labels(message).ok()?;
        Some(Self {
            labels,
            kind: wide(message, at)?,
            class: wide(message, at + 2)?,
            begin: udp + 8,
            behind: udp + 8 + at + 4,
            opt: None,
        })
    }

    /// Parses the question and the records of a message at offset `begin` of the frame. A first fragment has fewer than
    /// the `length` bytes of the message.
    fn parse(message: &[u8], begin: usize, length: usize) -> Result<Self, &'static str> {
        let count = |at| wide(message, at).unwrap();
        let (labels, at) = labels(message)?;
        let kind = wide(message, at).ok_or("bad_length")?;
        let class = wide(message, at + 2).ok_or("bad_length")?;
        if count(8) == 1 && kind != 251 {
            return Err("bad_counts");
        }
        let behind = at + 4;
        let opt = additional(message, length, behind)?;
        Ok(Self {
            labels,
            kind,
            class,
            begin,
            behind: begin + behind,
            opt: opt.map(|opt| begin + opt),
        })
    }
}

/// The counter of a query without a question. A query for a server cookie has only an OPT record (RFC 7873, section
/// 5.4).
fn no_question(message: &[u8]) -> &'static str {
    if message[8..10] != [0, 0] || message[10..12] == [0, 0] {
        return "bad_counts";
    }
    match message.get(12..23) {
        Some(opt) if opt[..3] != [0, 0, 41] => "bad_counts",
        Some(opt) if message.len() < 23 + usize::from(wide(opt, 9).unwrap()) => "bad_length",
        Some(_) => "no_question",
        None => "bad_length",
    }
}

/// The name after the header, and the offset of its end.
fn labels(message: &[u8]) -> Result<(Vec<Vec<u8>>, usize), &'static str> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let size = *message.get(at).ok_or("bad_name")?;
        at += 1;
        match size {
            0 => return Ok((labels, at)),
            1..=63 => {
                let end = at + usize::from(size);
                labels.push(message.get(at..end).unwrap_or_default().to_vec());
                at = end;
                if at - 12 > 254 {
                    return Err("bad_name");
                }
            }
            0xc0.. => return Err("bad_pointer"),
            _ => return Err("bad_name"),
        }
    }
}

/// Offset of the OPT record, which is the first or the second record after the question.
fn additional(message: &[u8], length: usize, at: usize) -> Result<Option<usize>, &'static str> {
    let [authorities, count] = [8, 10].map(|at| wide(message, at).unwrap());
    if authorities == 0 && count == 0 {
        return if at == length {
            Ok(None)
        } else {
            Err("bad_length")
        };
    }
    if at + 11 > length {
        return Err("bad_length");
    }
    let Some(first) = message.get(at..at + 11) else {
        return Ok(None);
    };
    if authorities != 0 || first[..3] != [0, 0, 41] {
        let records = u32::from(authorities) + u32::from(count);
        return Ok(second(message, length, at).filter(|_| records > 1));
    }
    let end = at + 11 + usize::from(wide(first, 9).unwrap());
    if end > length || count == 1 && end < length {
        return Err("bad_length");
    }
    Ok(Some(at))
}

/// Offset of the record after the record at offset `at`, if it is an OPT record. The name of the record at `at` is a
/// pointer, the root or as long as the name of the question.
fn second(message: &[u8], length: usize, at: usize) -> Option<usize> {
    let owner = match message[at] {
        0 => 1,
        0xc0.. => 2,
        _ => at - 4 - 12,
    };
    let next = at + owner + 10 + usize::from(wide(message, at + owner + 8)?);
    let opt = message.get(next..next + 11)?;
    let end = next + 11 + usize::from(wide(opt, 9)?);
    (next < 2048 && opt[..3] == [0, 0, 41] && end <= length).then_some(next)
}

/// The checksum of RFC 1071 over parts. All parts but the last must have an even length.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap()
}
