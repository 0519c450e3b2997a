//! Requests about interfaces over netlink, with the kernel's own words when it refuses.
//!
//! libbpf has such requests too, but prints the kernel's words (`NLMSGERR_ATTR_MSG`, 4.12) instead of handing them out,
//! and they are the only answer to why a driver does not take a program.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    socket,
};

use super::bpf_call::{self, Call};
use super::retry;

/// Room for one message about an interface without statistics; the kernel itself allocates no more than a page or two.
const BUFFER: usize = 8 * 1024;
const HEADER: usize = 16;
const SOL_NETLINK: i32 = 270;
const NETLINK_CAP_ACK: i32 = 10;
const NETLINK_EXT_ACK: i32 = 11;
const NLMSGERR_ATTR_MSG: u16 = 1;
/// Set in an error message whose copy of the request was left out (`NETLINK_CAP_ACK`), and which has attributes.
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLM_F_CAPPED: u16 = 0x100;
/// The kernel marks attributes that contain attributes with this bit, or not; readers must mask it.
pub(super) const NESTED: u16 = 1 << 15;
/// What is attached to an interface, nested.
pub(super) const IFLA_XDP: u16 = 43;
/// Flags of a request that wants an acknowledgement.
pub(super) const ACKNOWLEDGED: u16 = 4;

/// The kernel's words; the longest it has are of about a hundred bytes, and longer ones are cut.
pub type Words = heapless::String<160>;

/// Why a request was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) errno: Errno,
    /// The kernel's words, empty when it has none.
    pub(super) words: Words,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self {
            errno,
            words: Words::new(),
        }
    }
}

/// One request: a header, a body and attributes.
pub(super) struct Request {
    bytes: heapless::Vec<u8, 256>,
}

impl Request {
    pub(super) fn new(kind: u16, flags: u16, body: &[u8]) -> Result<Self, Errno> {
        let mut request = Self {
            bytes: heapless::Vec::new(),
        };
        let flags = flags | as_flags(libc::NLM_F_REQUEST);
        // Length, kind, flags, sequence number, port; the length is filled in when sent.
        request.push(&0u32.to_ne_bytes())?;
        request.push(&kind.to_ne_bytes())?;
        request.push(&flags.to_ne_bytes())?;
        request.push(&[0; 8])?;
        request.push(body)?;
        Ok(request)
    }

    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) -> Result<(), Errno> {
        let length = u16::try_from(value.len() + 4).map_err(|_| Errno::E2BIG)?;
        self.push(&length.to_ne_bytes())?;
        self.push(&kind.to_ne_bytes())?;
        self.push(value)?;
        let padding = value.len().next_multiple_of(4) - value.len();
        self.push([0; 4].get(..padding).unwrap_or_default())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        self.bytes
            .extend_from_slice(bytes)
            .map_err(|_| Errno::E2BIG)
    }

    /// Sends the request and gives each answer's body to `read` until the kernel says that it is done.
    pub(super) fn ask(mut self, mut read: impl FnMut(u16, &[u8])) -> Result<(), Refusal> {
        bpf_call::injected_fault(Call::Netlink)?;
        let socket = open(0)?;
        let length = u32::try_from(self.bytes.len()).map_err(|_| Errno::E2BIG)?;
        if let Some(field) = self.bytes.first_chunk_mut() {
            *field = length.to_ne_bytes();
        }
        send(socket.as_raw_fd(), &self.bytes, MsgFlags::empty())?;
        let mut buffer = [0; BUFFER];
        let size = retry(|| recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()))?;
        for message in Messages(buffer.get(..size).unwrap_or_default()) {
            if i32::from(message.kind) == libc::NLMSG_ERROR {
                return acknowledged(&message);
            }
            read(message.kind, message.body);
        }
        Ok(())
    }
}

/// A netlink socket that hears of the given multicast groups.
pub(super) fn open(groups: u32) -> Result<OwnedFd, Errno> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
        let on: i32 = 1;
        // SAFETY: the kernel reads the four bytes of `on`. A kernel before 4.12 refuses; then its words are missing.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                SOL_NETLINK,
                option,
                (&raw const on).cast(),
                4,
            );
        }
    }
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(socket)
}

/// One message: its kind, flags, and what follows the header.
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    flags: u16,
    pub(super) body: &'a [u8],
}

/// The messages in what was received.
pub(super) struct Messages<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let length = u32_at(self.0, 0)? as usize;
        let message = Message {
            kind: u16_at(self.0, 4)?,
            flags: u16_at(self.0, 6)?,
            body: self.0.get(HEADER..length)?,
        };
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    }
}

/// The attributes in a message, kind and value.
pub(super) struct Attributes<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)? & !NESTED;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// What an acknowledgement says: nothing, or the errno and the kernel's words.
fn acknowledged(message: &Message<'_>) -> Result<(), Refusal> {
    let code = u32_at(message.body, 0).unwrap_or_default().cast_signed();
    if code == 0 {
        return Ok(());
    }
    let errno = Errno::from_raw(code.saturating_neg());
    // The error code is followed by the request's header, and by the rest of the request unless it was left out.
    let request = u32_at(message.body, 4).unwrap_or_default() as usize;
    let copied = if message.flags & NLM_F_CAPPED == 0 {
        request.max(HEADER)
    } else {
        HEADER
    };
    let words = if message.flags & NLM_F_ACK_TLVS == 0 {
        &[]
    } else {
        message.body.get(4 + copied..).unwrap_or_default()
    };
    let words = Attributes(words)
        .find(|(kind, _)| *kind == NLMSGERR_ATTR_MSG)
        .map(|(_, text)| text);
    let words = std::str::from_utf8(words.unwrap_or_default()).unwrap_or_default();
    Err(Refusal {
        errno,
        words: cut(words.trim_end_matches('\0')),
    })
}

/// As much of `text` as fits.
pub fn cut(text: &str) -> Words {
    let mut words = Words::new();
    // What does not fit is left out.
    let _ = text.chars().try_for_each(|c| words.push(c));
    words
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|b| u32::from_ne_bytes(*b))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|b| u16::from_ne_bytes(*b))
}

/// libc has the flags as `c_int`; in the message they are 16 bits.
pub(super) fn as_flags(flags: i32) -> u16 {
    u16::try_from(flags).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_end_where_the_bytes_do() {
        let good = [8, 0, 1, 0, 1, 2, 3, 4, 5, 0, 2, 128, 9, 0, 0, 0];
        let read: Vec<_> = Attributes(&good).collect();
        assert_eq!(read, [(1, &[1, 2, 3, 4][..]), (2, &[9][..])]);
        for bad in [
            &[][..],
            &[8, 0, 1][..],
            &[9, 0, 1, 0, 1, 2, 3, 4][..],
            &[0, 0, 1, 0][..],
            &[3, 0, 1, 0][..],
        ] {
            assert_eq!(Attributes(bad).count(), 0, "{bad:?}");
        }
    }

    #[test]
    fn the_kernels_words_are_found_behind_its_error() {
        let mut body = (-95i32).to_ne_bytes().to_vec();
        body.extend([0; HEADER]);
        body.extend([9, 0, 1, 0]);
        body.extend(b"why!\0");
        let message = Message {
            kind: 2,
            flags: NLM_F_CAPPED | NLM_F_ACK_TLVS,
            body: &body,
        };
        let refusal = acknowledged(&message).unwrap_err();
        assert_eq!(
            (refusal.errno, refusal.words.as_str()),
            (Errno::EOPNOTSUPP, "why!")
        );
    }
}
