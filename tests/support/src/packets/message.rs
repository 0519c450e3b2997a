//! DNS messages: a builder, and a second parser as the reference for the programs.

use std::net::Ipv6Addr;

use super::model::{Facts, wide};

/// A message being built.
#[derive(Clone)]
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
    pub edns: bool,
}

impl Asked {
    /// Parses the query in a UDP frame. The error is the counter of the message, such as those of [`UNPARSED`].
    pub fn of(frame: &[u8], facts: &Facts) -> Result<Self, &'static str> {
        let udp = facts.transport;
        if facts.fragment {
            let header = frame.get(udp + 8..udp + 20);
            let opcode = header.map_or(0, |header| header[2] & 0x78);
            return Err(if opcode == 0 {
                "fragment"
            } else {
                "other_opcode"
            });
        }
        let length = usize::from(wide(frame, udp + 4).ok_or("bad_length")?);
        if length < 20 {
            return Err("bad_length");
        }
        let message = frame.get(udp + 8..udp + length).ok_or("bad_length")?;
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
        if count(4) == 0 {
            return Err(no_question(message));
        }
        let (labels, at) = labels(message)?;
        let kind = wide(message, at).ok_or("bad_length")?;
        let class = wide(message, at + 2).ok_or("bad_length")?;
        if count(8) == 1 && kind != 251 {
            return Err("bad_counts");
        }
        let behind = at + 4;
        let edns = additional(message, behind, count(8), count(10))?;
        Ok(Self {
            labels,
            kind,
            class,
            begin: udp + 8,
            behind: udp + 8 + behind,
            edns,
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

/// Parses the OPT record directly after the question. Returns true if there is one.
fn additional(
    message: &[u8],
    at: usize,
    authorities: u16,
    count: u16,
) -> Result<bool, &'static str> {
    let rest = &message[at..];
    if authorities == 0 && count == 0 {
        return if rest.is_empty() {
            Ok(false)
        } else {
            Err("bad_length")
        };
    }
    if rest.len() < 11 {
        return Err("bad_length");
    }
    if authorities != 0 || rest[..3] != [0, 0, 41] {
        return Ok(false);
    }
    let end = 11 + usize::from(wide(rest, 9).unwrap());
    if end > rest.len() || count == 1 && end < rest.len() {
        return Err("bad_length");
    }
    Ok(true)
}

/// The response to a query, with these flags beside QR and RD and this RCODE; `None` if the query gets no response.
pub fn answer(
    frame: &[u8],
    facts: &Facts,
    asked: &Asked,
    truncated: bool,
    rcode: u8,
) -> Option<Vec<u8>> {
    let (source_port, _) = facts.ports?;
    let reflects = [0, 7, 13, 17, 19, 37].contains(&source_port);
    if !facts.plain || reflects || (frame[0] | frame[6]) & 1 != 0 {
        return None;
    }
    let ends = [facts.source, facts.destination];
    if ends[0] == ends[1] || ends.iter().any(|end| is_martian(end, facts.is_ip4)) {
        return None;
    }
    let mut answer = frame[..asked.behind].to_vec();
    let flags = &mut answer[asked.begin..];
    flags[2] = 0x80 | u8::from(truncated) << 1 | flags[2] & 1;
    flags[3] = flags[3] & 0x10 | rcode;
    flags[10] = 0;
    flags[11] = u8::from(asked.edns);
    if asked.edns {
        let wants_dnssec = frame[asked.behind + 7] & 0x80;
        answer.extend([0, 0, 41, 0x04, 0xd0, 0, 0, wants_dnssec, 0, 0, 0]);
    }
    swap(&mut answer, 0, 6, 6);
    swap(&mut answer, facts.transport, facts.transport + 2, 2);
    let length = u16::try_from(answer.len() - facts.transport).unwrap();
    answer[facts.transport + 4..][..2].copy_from_slice(&length.to_be_bytes());
    answer[facts.transport + 6..][..2].fill(0);
    let ip = facts.ip;
    let addresses = if facts.is_ip4 {
        swap(&mut answer, ip + 12, ip + 16, 4);
        answer[ip + 2..][..2].copy_from_slice(&(length + 20).to_be_bytes());
        answer[ip + 8] = 64;
        answer[ip + 10..][..2].fill(0);
        let sum = checksum(&[&answer[ip..ip + 20]]);
        answer[ip + 10..][..2].copy_from_slice(&sum.to_be_bytes());
        ip + 12..ip + 20
    } else {
        swap(&mut answer, ip + 8, ip + 24, 16);
        answer[ip + 4..][..2].copy_from_slice(&length.to_be_bytes());
        answer[ip + 7] = 64;
        ip + 8..ip + 40
    };
    let pseudo = [[0, 17], length.to_be_bytes()].concat();
    let sum = checksum(&[&answer[addresses], &pseudo, &answer[facts.transport..]]);
    let sum = if sum == 0 { 0xffff } else { sum };
    answer[facts.transport + 6..][..2].copy_from_slice(&sum.to_be_bytes());
    if let Some(at) = facts.ppp_length {
        let length = u16::try_from(answer.len() - at - 2).unwrap();
        answer[at..][..2].copy_from_slice(&length.to_be_bytes());
    }
    Some(answer)
}

/// True for an address that no host can have as its own.
fn is_martian(address: &Ipv6Addr, is_ip4: bool) -> bool {
    if is_ip4 {
        let first = address.octets()[12];
        return first == 0 || first == 127 || first >= 224;
    }
    let mapped = address.to_ipv4_mapped().is_some();
    mapped || address.is_multicast() || u128::from(*address) >> 32 == 0
}

fn swap(bytes: &mut [u8], first: usize, second: usize, size: usize) {
    for offset in 0..size {
        bytes.swap(first + offset, second + offset);
    }
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
