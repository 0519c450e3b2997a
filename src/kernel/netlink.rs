//! Netlink requests about interfaces, with the kernel's extended ack on errors.
//!
//! libbpf has such requests, too, but prints the extended ack (`NLMSGERR_ATTR_MSG`, 4.12) instead of returning it. Only the
//! extended ack tells why a driver rejects a program.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    socket,
};

use super::bpf_call::{self, Call};
use super::retry;

/// Bytes of the receive buffer: room for one message about an interface without statistics, for which the kernel allocates
/// at most two pages.
const BUFFER: usize = 8 * 1024;
const HEADER: usize = 16;
const SOL_NETLINK: i32 = 270;
const NETLINK_CAP_ACK: i32 = 10;
const NETLINK_EXT_ACK: i32 = 11;
const NLMSGERR_ATTR_MSG: u16 = 1;
/// Flag of an error message with attributes.
const NLM_F_ACK_TLVS: u16 = 0x200;
/// Flag of an error message without a copy of the request's body (`NETLINK_CAP_ACK`).
const NLM_F_CAPPED: u16 = 0x100;
/// Flag of an attribute that contains attributes (`NLA_F_NESTED`). Some kernels do not set it, so readers mask it.
pub(super) const NESTED: u16 = 1 << 15;
/// Nested attribute: the XDP program of an interface.
pub(super) const IFLA_XDP: u16 = 43;
/// Flag of a request for an acknowledgement (`NLM_F_ACK`).
pub(super) const ACKNOWLEDGED: u16 = 4;

/// Reason of a refusal, such as the text of an extended ack (at most about 100 bytes). A longer text is truncate.
pub type Reason = heapless::String<160>;

/// The error of a request.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) errno: Errno,
    /// Text of the extended ack; empty without one.
    pub(super) reason: Reason,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self {
            errno,
            reason: Reason::new(),
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
        // Length, kind, flags, sequence number, port. `transact` sets the length.
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

    /// Sends the request, and calls `read` with type and body of each message of the response, up to the acknowledgement.
    pub(super) fn transact(mut self, read: &mut dyn FnMut(u16, &[u8])) -> Result<(), Refusal> {
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

/// Opens a netlink socket that has joined the given multicast groups.
pub(super) fn open(groups: u32) -> Result<OwnedFd, Errno> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
        let on: i32 = 1;
        // SAFETY: the kernel reads the four bytes of `on`. A kernel before 4.12 refuses, and sends no extended acks.
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

/// One message; `body` is the part after the header.
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    flags: u16,
    pub(super) body: &'a [u8],
}

/// Iterates over the messages in received bytes.
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

/// Iterates over attributes: kind and value.
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

/// Reads an acknowledgement: success, or errno and extended ack.
fn acknowledged(message: &Message<'_>) -> Result<(), Refusal> {
    let code = u32_at(message.body, 0).unwrap_or_default().cast_signed();
    if code == 0 {
        return Ok(());
    }
    let errno = Errno::from_raw(code.saturating_neg());
    // The error code is followed by the header of the request, then by its body unless the message is capped.
    let request = u32_at(message.body, 4).unwrap_or_default() as usize;
    let copied = if message.flags & NLM_F_CAPPED == 0 {
        request.max(HEADER)
    } else {
        HEADER
    };
    let attributes = if message.flags & NLM_F_ACK_TLVS == 0 {
        &[]
    } else {
        message.body.get(4 + copied..).unwrap_or_default()
    };
    let text = Attributes(attributes)
        .find(|(kind, _)| *kind == NLMSGERR_ATTR_MSG)
        .map(|(_, text)| text);
    let text = std::str::from_utf8(text.unwrap_or_default()).unwrap_or_default();
    Err(Refusal {
        errno,
        reason: truncate(text.trim_end_matches('\0')),
    })
}

/// The start of `text` that fits.
pub fn truncate(text: &str) -> Reason {
    let mut reason = Reason::new();
    // An error means that the reason is full.
    let _ = text.chars().try_for_each(|c| reason.push(c));
    reason
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|b| u32::from_ne_bytes(*b))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|b| u16::from_ne_bytes(*b))
}

/// Converts flags from the `c_int` of libc to the 16 bits of the message.
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
    fn extended_ack_follows_the_error() {
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
            (refusal.errno, refusal.reason.as_str()),
            (Errno::EOPNOTSUPP, "why!")
        );
    }
}
