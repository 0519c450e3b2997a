//! Protocol of the control socket.
//!
//! A Unix socket of type `SOCK_SEQPACKET` keeps the boundaries of packets. The client sends one packet, a [`Request`].
//! The daemon sends any number of [`Answer`]s; the last is the client's exit code. The daemon never blocks: it drops a
//! client whose socket is ready without a request, and drops answers that a client does not read. The daemon passes long
//! content as a descriptor of shared memory or of a map ([`Payload`]), which the client reads at its own pace.

pub mod client;
pub mod server;

use std::time::Duration;

/// Path of the control socket without `--control`.
pub const DEFAULT_PATH: &str = "/run/corexdp.sock";

/// Maximum size of a packet in bytes.
const PACKET: usize = 4096;

/// A client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Reload the Corefile. With a time, the reload is rolled back unless `Confirm` arrives within that time.
    Reload(Option<Duration>),
    /// Confirm the last start or reload.
    Confirm,
    /// Pass the status as JSON, in shared memory.
    Status,
    /// Pass the descriptors of the maps.
    Dump,
}

impl Request {
    /// Text of the packet. The time of `Reload` is in milliseconds.
    pub fn text(self) -> String {
        match self {
            Self::Reload(None) => "reload".into(),
            Self::Reload(Some(time)) => format!("reload {}", time.as_millis()),
            Self::Confirm => "confirm".into(),
            Self::Status => "status".into(),
            Self::Dump => "dump".into(),
        }
    }

    /// Parses a packet; `None` for a request that this version does not know.
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

/// Description of a descriptor that the daemon passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Shared memory that starts with a text; the text's length in native byte order.
    Text([u8; 4]),
    /// A map; the names of interface and map, separated by a space.
    Map(&'a [u8]),
}

/// A packet of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer<'a> {
    /// A line for standard error.
    Error(&'a [u8]),
    /// Description of the descriptor in the packet.
    Payload(Payload<'a>),
    /// The exit code, and the end of the answer.
    End(u8),
}

impl<'a> Answer<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        match packet.split_first()? {
            (b'e', text) => Some(Self::Error(text)),
            (b'x', [code]) => Some(Self::End(*code)),
            (b't', length) => Some(Self::Payload(Payload::Text(length.try_into().ok()?))),
            (b'm', names) => Some(Self::Payload(Payload::Map(names))),
            _ => None,
        }
    }

    /// Writes the packet to `buffer`. Text that does not fit is cut.
    fn packet(self, buffer: &mut [u8; PACKET]) -> &[u8] {
        let (tag, text) = match &self {
            Self::Error(text) => (b'e', *text),
            Self::Payload(Payload::Text(length)) => (b't', &length[..]),
            Self::Payload(Payload::Map(names)) => (b'm', *names),
            Self::End(code) => (b'x', std::slice::from_ref(code)),
        };
        let mut length = 0;
        for (target, byte) in buffer.iter_mut().zip(std::iter::once(&tag).chain(text)) {
            *target = *byte;
            length += 1;
        }
        buffer.get(..length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_round_trip_and_wrong_packets_are_refused() {
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
    fn answers_round_trip_and_wrong_packets_are_refused() {
        let mut buffer = [0; PACKET];
        for answer in [
            Answer::Error(b""),
            Answer::Payload(Payload::Text([0, 1, 0, 0])),
            Answer::Payload(Payload::Map(b"eth0 xdp_map")),
            Answer::End(78),
        ] {
            assert_eq!(Answer::parse(answer.packet(&mut buffer)), Some(answer));
        }
        for wrong in [&b""[..], b"x", b"x12", b"?", b"t123"] {
            assert_eq!(Answer::parse(wrong), None, "{wrong:?}");
        }
        let long = [b'a'; 2 * PACKET];
        assert_eq!(Answer::Error(&long).packet(&mut buffer).len(), PACKET);
    }
}
