//! Protocol of the control socket.
//!
//! A Unix socket of type `SOCK_SEQPACKET` keeps the boundaries of packets. The client sends one packet, a [`Request`].
//! The daemon sends any number of [`Answer`]s; the last is the client's exit code. The daemon never blocks: it drops a
//! client whose socket is ready without a request, and drops answers that a client does not read. The daemon passes long
//! content as a descriptor of shared memory or of a map ([`Payload`]), which the client reads at its own pace.
//!
//! The connection of a client that samples stays open after the exit code. The frames write samples to the ring buffer
//! until either end closes the connection. The client may meanwhile send [`LOST`], which the daemon answers with the number
//! of samples that found the ring buffer full. The daemon also sends this number before it closes the connection.

pub mod changes;
pub mod client;
pub mod server;
mod trial;

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use self::changes::Changes;
pub use self::trial::Trial;
use crate::config::InterfaceName;

/// Path of the control socket without `--control`.
pub const DEFAULT_PATH: &str = "/run/corexdp.sock";

/// Maximum size of a packet in bytes.
pub const PACKET: usize = 4096;

/// Packet of a client that samples: asks for the number of lost samples.
const LOST: &[u8] = b"lost";

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Reload the Corefile. With a time, the reload is rolled back unless `Confirm` arrives within that time.
    Reload(Option<Duration>),
    /// Try the file at this absolute path in place of the Corefile, for at most this time.
    Try(Duration, &'a Path),
    /// Confirm the last start or reload. Without a digest, a file on trial is only named ([`Trial`]); with the digest of its
    /// content, which then stands in the Corefile's place, the trial is confirmed.
    Confirm(Option<u64>),
    /// Pass the status as JSON, in shared memory.
    Status,
    /// Pass the descriptors of the maps that lines of the Corefile refer to, or that have decisions.
    Dump,
    /// Pass the descriptors of all maps whose entries are bytes.
    Maps,
    /// Add and delete decisions.
    Decide(Changes<'a>),
    /// Name the stages, pass a ring buffer, and write samples to it while the connection is open.
    Sample(SampleRequest),
}

/// Choice of the packets that are sampled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleRequest {
    /// The only interface whose packets are sampled; `None` for all interfaces.
    pub interface: Option<InterfaceName>,
    /// A bit for each verdict whose packets are sampled: the sum of [`verdict_bits`](crate::object::frame::sample::verdict_bits).
    pub verdicts: u32,
    /// Mean number of packets for one sample, from 1. The frames take fewer samples where they would exceed `rate`.
    pub one_in: u32,
    /// Maximum number of samples in a second, for each stage; from 1.
    pub rate: u32,
}

impl SampleRequest {
    /// Parses `VERDICTS ONE_IN RATE [INTERFACE]`.
    fn parse(words: &str) -> Option<Self> {
        let mut words = words.split(' ');
        let mut number = || {
            let number = words.next()?.parse().ok()?;
            (number > 0).then_some(number)
        };
        let (verdicts, one_in, rate) = (number()?, number()?, number()?);
        let interface = words.next().map(InterfaceName::try_from).transpose();
        let request = Self {
            interface: interface.ok()?,
            verdicts,
            one_in,
            rate,
        };
        words.next().is_none().then_some(request)
    }
}

impl fmt::Display for SampleRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.verdicts, self.one_in, self.rate)?;
        match &self.interface {
            Some(interface) => write!(f, " {interface}"),
            None => Ok(()),
        }
    }
}

/// Time in milliseconds, as packets have it.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl<'a> Request<'a> {
    /// The packet. Times are in milliseconds.
    pub fn packet(&self) -> Vec<u8> {
        match self {
            Self::Reload(None) => b"reload".into(),
            Self::Reload(Some(time)) => format!("reload {}", milliseconds(*time)).into(),
            Self::Try(time, file) => {
                let mut packet = format!("try {} ", milliseconds(*time)).into_bytes();
                packet.extend_from_slice(file.as_os_str().as_bytes());
                packet
            }
            Self::Confirm(None) => b"confirm".into(),
            Self::Confirm(Some(digest)) => format!("confirm {digest}").into(),
            Self::Status => b"status".into(),
            Self::Dump => b"dump".into(),
            Self::Maps => b"maps".into(),
            Self::Decide(changes) => changes.packet(),
            Self::Sample(request) => format!("sample {request}").into(),
        }
    }

    /// Parses a packet; `None` for a request that this version does not know.
    pub fn parse(packet: &'a [u8]) -> Option<Self> {
        if let Some(changes) = Changes::parse(packet) {
            return Some(Self::Decide(changes));
        }
        if let Some(words) = packet.strip_prefix(b"try ") {
            let mut words = words.splitn(2, |byte| *byte == b' ');
            let time = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
            let file = Path::new(OsStr::from_bytes(words.next()?));
            return Some(Self::Try(Duration::from_millis(time), file));
        }
        let text = std::str::from_utf8(packet).ok()?;
        match text.split_once(' ') {
            None if text == "reload" => Some(Self::Reload(None)),
            None if text == "confirm" => Some(Self::Confirm(None)),
            None if text == "status" => Some(Self::Status),
            None if text == "dump" => Some(Self::Dump),
            None if text == "maps" => Some(Self::Maps),
            Some(("reload", time)) => {
                let time = time.parse().ok()?;
                Some(Self::Reload(Some(Duration::from_millis(time))))
            }
            Some(("confirm", digest)) => Some(Self::Confirm(Some(digest.parse().ok()?))),
            Some(("sample", words)) => Some(Self::Sample(SampleRequest::parse(words)?)),
            _ => None,
        }
    }
}

/// Description of a descriptor that the daemon passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Shared memory that starts with a text; the text's length in native byte order.
    Text([u8; 4]),
    /// A map; the names of interface and map, separated by a space, then NUL and the name of the stage. Without a chain,
    /// the answer to `Dump` does not name the stage.
    Map(&'a [u8]),
    /// Shared memory with the decisions about the map before: their number, and for each its end in nanoseconds of
    /// [`ktime`](crate::base::ktime), 0 for no end, and its key.
    Decisions([u8; 4]),
    /// A ring buffer for samples; its size in bytes in native byte order.
    Ring([u8; 4]),
}

/// A packet of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer<'a> {
    /// A line for standard error.
    Error(&'a [u8]),
    /// Description of the descriptor in the packet.
    Payload(Payload<'a>),
    /// A stage: its number, the index and name of its interface, and the name of its program, separated by spaces.
    Stage(&'a [u8]),
    /// Number of lost samples in this session, in native byte order.
    Lost([u8; 8]),
    /// The outcome of each change, as a number of 2 bytes in native byte order.
    Decided(&'a [u8]),
    /// The file on trial, as [`Trial::text`].
    Trial(&'a [u8]),
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
            (b'r', size) => Some(Self::Payload(Payload::Ring(size.try_into().ok()?))),
            (b's', stage) => Some(Self::Stage(stage)),
            (b'l', lost) => Some(Self::Lost(lost.try_into().ok()?)),
            (b'c', count) => Some(Self::Payload(Payload::Decisions(count.try_into().ok()?))),
            (b'd', outcomes) => Some(Self::Decided(outcomes)),
            (b'f', trial) => Some(Self::Trial(trial)),
            _ => None,
        }
    }

    /// Writes the packet to `buffer`. Text that does not fit is cut.
    fn packet(self, buffer: &mut [u8; PACKET]) -> &[u8] {
        let (tag, text) = match &self {
            Self::Error(text) => (b'e', *text),
            Self::Payload(Payload::Text(length)) => (b't', &length[..]),
            Self::Payload(Payload::Map(names)) => (b'm', *names),
            Self::Payload(Payload::Ring(size)) => (b'r', &size[..]),
            Self::Payload(Payload::Decisions(count)) => (b'c', &count[..]),
            Self::Decided(outcomes) => (b'd', *outcomes),
            Self::Trial(trial) => (b'f', *trial),
            Self::Stage(stage) => (b's', *stage),
            Self::Lost(lost) => (b'l', &lost[..]),
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
    use crate::config::MAX_INTERFACE;

    fn sample(interface: Option<InterfaceName>) -> Request<'static> {
        Request::Sample(SampleRequest {
            interface,
            verdicts: u32::MAX,
            one_in: u32::MAX,
            rate: u32::MAX,
        })
    }

    #[test]
    fn requests_round_trip_and_wrong_packets_are_refused() {
        for request in [
            Request::Reload(None),
            Request::Reload(Some(Duration::from_mins(1))),
            Request::Try(
                Duration::from_secs(1),
                Path::new("/etc/core dns/\nCorefile"),
            ),
            Request::Try(Duration::ZERO, Path::new(OsStr::from_bytes(b"/\xff"))),
            Request::Confirm(None),
            Request::Confirm(Some(u64::MAX)),
            Request::Status,
            Request::Dump,
            Request::Maps,
            sample(None),
            sample(InterfaceName::try_from("eth0").ok()),
        ] {
            assert_eq!(Request::parse(&request.packet()), Some(request));
        }
        for wrong in [
            &b""[..],
            b"reload ",
            b"reload -1",
            b"reload 99999999999999999999",
            b"confirm x",
            b"try",
            b"try 1",
            b"try x /etc/Corefile",
            b"reload\n",
            b"sample",
            b"sample 4 1",
            b"sample 4 0 1000",
            b"sample 4 1 1000 eth0 eth1",
            b"\xff",
        ] {
            assert_eq!(Request::parse(wrong), None, "{wrong:?}");
        }
        let name = "i".repeat(MAX_INTERFACE);
        let longest = sample(InterfaceName::try_from(name.as_str()).ok()).packet();
        assert!(Request::parse(&longest).is_some());
        assert_eq!(Request::parse(&[&longest[..], b"i"].concat()), None);
    }

    #[test]
    fn answers_round_trip_and_wrong_packets_are_refused() {
        let mut buffer = [0; PACKET];
        for answer in [
            Answer::Error(b""),
            Answer::Payload(Payload::Text([0, 1, 0, 0])),
            Answer::Payload(Payload::Map(b"eth0 xdp_map")),
            Answer::Payload(Payload::Ring([0, 0, 4, 0])),
            Answer::Stage(b"0 2 0 eth0 acl"),
            Answer::Lost([1, 0, 0, 0, 0, 0, 0, 0]),
            Answer::Payload(Payload::Decisions([2, 0, 0, 0])),
            Answer::Decided(&[0, 0, 1, 16]),
            Answer::Trial(b"text"),
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
