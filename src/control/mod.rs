//! The control socket: one request, some lines, an exit code.
//!
//! A Unix socket that keeps packets apart (`SOCK_SEQPACKET`), so neither end has to find where a message ends. The
//! client sends one packet, a [`Request`]; the daemon answers with [`Answer`]s, of which the last is the exit code that
//! the client ends with. The daemon waits for nobody: what a client does not send at once, or does not read, is lost.
//! What is long it passes as a descriptor: memory with a text, or a map, which the client then reads by itself.

pub mod client;
pub mod server;

use std::time::Duration;

/// Where the daemon listens if nothing else is said.
pub const USUAL_PATH: &str = "/run/corexdp.sock";

/// Bytes of a packet, more than any line has.
const PACKET: usize = 4096;

/// What the daemon can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// To read the Corefile again. With a time, what it put in place must be confirmed within that.
    Reload(Option<Duration>),
    /// To keep what was put in place.
    Confirm,
    /// How it is.
    Status,
    /// For its maps.
    Dump,
}

impl Request {
    /// As it stands in a packet.
    pub fn text(self) -> String {
        match self {
            Self::Reload(None) => "reload".into(),
            Self::Reload(Some(time)) => format!("reload {}", time.as_millis()),
            Self::Confirm => "confirm".into(),
            Self::Status => "status".into(),
            Self::Dump => "dump".into(),
        }
    }

    /// What a packet asks; `None` for one that no client of this version sends.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(packet).ok()?;
        match text.split_once(' ') {
            None if text == "reload" => Some(Self::Reload(None)),
            None if text == "confirm" => Some(Self::Confirm),
            None if text == "status" => Some(Self::Status),
            None if text == "dump" => Some(Self::Dump),
            Some(("reload", time)) => {
                let time = time.parse().ok()?;
                Some(Self::Reload(Some(Duration::from_millis(time))))
            }
            _ => None,
        }
    }
}

/// What a descriptor is that the daemon passes, so that it need not wait until its content is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed<'a> {
    /// Memory that begins with a text: its length, in four bytes.
    Text([u8; 4]),
    /// A map: interface and name, by a space.
    Map(&'a [u8]),
}

/// What the daemon answers, packet by packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer<'a> {
    /// A line for standard error.
    Error(&'a [u8]),
    /// What comes with a descriptor.
    Passed(Passed<'a>),
    /// That was all.
    End(u8),
}

impl<'a> Answer<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        match packet.split_first()? {
            (b'e', text) => Some(Self::Error(text)),
            (b'x', [code]) => Some(Self::End(*code)),
            (b't', length) => Some(Self::Passed(Passed::Text(length.try_into().ok()?))),
            (b'm', names) => Some(Self::Passed(Passed::Map(names))),
            _ => None,
        }
    }

    /// Writes the packet; text that is longer than a packet is cut.
    fn packet(self, room: &mut [u8; PACKET]) -> &[u8] {
        let (tag, text) = match &self {
            Self::Error(text) => (b'e', *text),
            Self::Passed(Passed::Text(length)) => (b't', &length[..]),
            Self::Passed(Passed::Map(names)) => (b'm', *names),
            Self::End(code) => (b'x', std::slice::from_ref(code)),
        };
        let mut length = 0;
        for (place, byte) in room.iter_mut().zip(std::iter::once(&tag).chain(text)) {
            *place = *byte;
            length += 1;
        }
        room.get(..length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_their_packets_and_nothing_else_is_one() {
        for request in [
            Request::Reload(None),
            Request::Reload(Some(Duration::from_mins(1))),
            Request::Confirm,
            Request::Status,
            Request::Dump,
        ] {
            assert_eq!(Request::parse(request.text().as_bytes()), Some(request));
        }
        for wrong in [
            &b""[..],
            b"reload ",
            b"reload -1",
            b"reload 99999999999999999999",
            b"confirm 1",
            b"reload\n",
            b"\xff",
        ] {
            assert_eq!(Request::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn answers_survive_their_packets_and_nothing_else_is_one() {
        let mut room = [0; PACKET];
        for answer in [
            Answer::Error(b""),
            Answer::Passed(Passed::Text([0, 1, 0, 0])),
            Answer::Passed(Passed::Map(b"eth0 xdp_map")),
            Answer::End(78),
        ] {
            assert_eq!(Answer::parse(answer.packet(&mut room)), Some(answer));
        }
        for wrong in [&b""[..], b"x", b"x12", b"?", b"t123"] {
            assert_eq!(Answer::parse(wrong), None, "{wrong:?}");
        }
        let long = [b'a'; 2 * PACKET];
        assert_eq!(Answer::Error(&long).packet(&mut room).len(), PACKET);
    }
}
