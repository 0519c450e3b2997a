//! Counters of network drivers (`ethtool -S`), by the ioctl `SIOCETHTOOL`.
//!
//! The names differ between drivers. Three calls return the number of counters, their names and their values. A driver
//! may add counters between two calls, for example with another queue, and then writes more values than the buffer was
//! made for. A guard page behind the buffer makes such a write fail.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

use super::interface::IfName;
use super::netlink;

const SIOCETHTOOL: libc::Ioctl = 0x8946;
const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSTATS: u32 = 0x1d;
const ETHTOOL_GSSET_INFO: u32 = 0x37;
/// The string set that holds the names of the counters.
const ETH_SS_STATS: u32 = 1;
/// Bytes of a name, padded with zeros.
const ETH_GSTRING_LEN: usize = 32;
/// Maximum number of counters of a driver: a card with a hundred queues has some thousands.
const MAX_COUNTERS: usize = 1 << 15;
/// Bytes of the largest page size of Linux on the supported architectures.
const LARGEST_PAGE: usize = 1 << 16;

/// Counters of the packets that a program returned (`XDP_TX`) and the driver lost.
#[derive(Debug)]
pub struct XdpTxErrors {
    /// A socket of the interface's network namespace.
    socket: OwnedFd,
    interface: IfName,
    /// Number of all counters of the driver.
    count: usize,
    /// Header of 8 bytes, a value of 8 bytes for each counter, then a byte for each counter: 1 if its value is summed.
    buffer: GuardedBuffer,
}

impl XdpTxErrors {
    /// Finds the counters of the interface's driver; `None` if the driver has no such counter.
    pub fn find(interface: &IfName) -> Option<Self> {
        let socket = netlink::open(0).ok()?;
        let count = count(&socket, interface)?;
        let mut names = GuardedBuffer::new(12 + count * ETH_GSTRING_LEN).ok()?;
        names.write(
            0,
            &[ETHTOOL_GSTRINGS, ETH_SS_STATS, u32::try_from(count).ok()?],
        );
        ethtool(&socket, interface, &mut names).ok()?;
        let names = names.bytes().get(12..)?.chunks_exact(ETH_GSTRING_LEN);
        let scopes = || names.clone().take(count).map(xdp_tx_error_scope);
        // A driver with a total beside the counters of its queues names the total without a number.
        let has_total = scopes().any(|scope| scope == Some(Scope::Driver));
        let wanted = if has_total {
            Scope::Driver
        } else {
            Scope::Queue
        };
        let mut buffer = GuardedBuffer::new(values_end(count) + count).ok()?;
        let mut found = false;
        let marks = buffer.bytes().get_mut(values_end(count)..)?;
        for (mark, scope) in marks.iter_mut().zip(scopes()) {
            *mark = u8::from(scope == Some(wanted));
            found |= *mark > 0;
        }
        found.then_some(Self {
            socket,
            interface: interface.clone(),
            count,
            buffer,
        })
    }

    /// Finds the counters of the same interface again, after its driver changed their number.
    pub fn find_again(&self) -> Option<Self> {
        Self::find(&self.interface)
    }

    /// Reads the number of lost packets; `None` if the call fails, or the driver's number of counters has changed.
    pub fn read(&mut self) -> Option<u64> {
        let count = u32::try_from(self.count).ok()?;
        self.buffer.write(0, &[ETHTOOL_GSTATS, count]);
        ethtool(&self.socket, &self.interface, &mut self.buffer).ok()?;
        if netlink::u32_at(self.buffer.bytes(), 4) != Some(count) {
            return None;
        }
        let (values, marks) = self
            .buffer
            .bytes()
            .split_at_checked(values_end(self.count))?;
        let (values, _) = values.get(8..)?.as_chunks();
        let marked = values.iter().zip(marks).filter(|(_, mark)| **mark == 1);
        let values = marked.map(|(value, _)| u64::from_ne_bytes(*value));
        Some(values.fold(0, u64::wrapping_add))
    }
}

/// Offset of the end of the values in the buffer.
const fn values_end(count: usize) -> usize {
    8 + 8 * count
}

/// Reads the number of the driver's counters.
fn count(socket: &OwnedFd, interface: &IfName) -> Option<usize> {
    let mut set = GuardedBuffer::new(20).ok()?;
    // `struct ethtool_sset_info`: the command, a reserved word, the mask of sets in 64 bits, and the number.
    let [low, high] = if cfg!(target_endian = "little") {
        [1 << ETH_SS_STATS, 0]
    } else {
        [0, 1 << ETH_SS_STATS]
    };
    set.write(0, &[ETHTOOL_GSSET_INFO, 0, low, high, 0]);
    ethtool(socket, interface, &mut set).ok()?;
    let count = netlink::u32_at(set.bytes(), 16)? as usize;
    (1..=MAX_COUNTERS).contains(&count).then_some(count)
}

/// Scope of a counter: the whole driver, or one of its queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Driver,
    Queue,
}

/// Scope of the counter with this name; `None` if the counter does not count lost `XDP_TX` packets.
///
/// Drivers of Linux 6.18 have `rx_queue_0_xdp_tx_errors` (veth), `rx_xdp_tx_errors` (mvneta, mvpp2, `mtk_eth_soc`, fec),
/// `[drv] xdp tx errors` (dpaa2), `tx0_xdp_tx_drops` (virtio), `rx_xdp_tx_full` and `rx_xdp_tx_err` (mlx5, totals beside
/// a counter of each queue) and `Tx ring  0 XDP drops` (enetc).
fn xdp_tx_error_scope(name: &[u8]) -> Option<Scope> {
    const WORDS: [&[u8]; 3] = [b"xdp_tx_err", b"xdp_tx_drop", b"xdp_tx_full"];
    let mut normalized = [0; ETH_GSTRING_LEN];
    for (to, from) in normalized.iter_mut().zip(name) {
        *to = match from {
            b' ' => b'_',
            letter => letter.to_ascii_lowercase(),
        };
    }
    let has = |word: &[u8]| normalized.windows(word.len()).any(|part| part == word);
    let counts_errors =
        WORDS.into_iter().any(has) || normalized.starts_with(b"tx_ring") && has(b"xdp_drops");
    let scope = if normalized.iter().any(u8::is_ascii_digit) {
        Scope::Queue
    } else {
        Scope::Driver
    };
    counts_errors.then_some(scope)
}

/// Makes the ethtool call whose command `buffer` begins with. The kernel writes the result to `buffer`.
fn ethtool(socket: &OwnedFd, interface: &IfName, buffer: &mut GuardedBuffer) -> Result<(), Errno> {
    // SAFETY: all zero is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte of the name stays zero.
    for (to, from) in request.ifr_name.iter_mut().zip(interface) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_data = buffer.address.as_ptr().cast();
    // SAFETY: `request` outlives the call, and its name ends with a zero. The kernel writes from the buffer's address
    // on, and fails with EFAULT at the guard page behind the buffer. No reference to the bytes exists, since the buffer
    // is borrowed mutably.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
    Errno::result(result).map(drop)
}

/// A buffer, followed by a guard page without access, for a result whose length only the kernel knows.
#[derive(Debug)]
struct GuardedBuffer {
    address: NonNull<c_void>,
    /// Bytes of the buffer, a multiple of the page size.
    size: usize,
}

// SAFETY: the mapping belongs to this value alone; it may move to another thread.
unsafe impl Send for GuardedBuffer {}

impl GuardedBuffer {
    /// A buffer of at least `size` bytes, all zero.
    fn new(size: usize) -> Result<Self, Errno> {
        let size = size.next_multiple_of(LARGEST_PAGE);
        let length = NonZeroUsize::new(size + LARGEST_PAGE).ok_or(Errno::EINVAL)?;
        // SAFETY: the kernel chooses the address, so the call replaces no mapping of this process.
        let address =
            unsafe { mmap_anonymous(None, length, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE)? };
        let buffer = Self { address, size };
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the first `size` bytes of the mapping belong to this value alone.
        unsafe { mprotect(address, size, access)? };
        Ok(buffer)
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: `size` bytes from `address` on are mapped and writable until drop, and `self` is borrowed mutably
        // meanwhile. The kernel writes only during `ethtool`.
        unsafe { std::slice::from_raw_parts_mut(self.address.as_ptr().cast(), self.size) }
    }

    /// Writes `numbers` from byte `offset` on.
    fn write(&mut self, offset: usize, numbers: &[u32]) {
        let fields = self.bytes().get_mut(offset..).unwrap_or_default();
        for (field, number) in fields.chunks_exact_mut(4).zip(numbers) {
            field.copy_from_slice(&number.to_ne_bytes());
        }
    }
}

impl Drop for GuardedBuffer {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping, and no borrow of `bytes` outlives it.
        let _ = unsafe { munmap(self.address, self.size + LARGEST_PAGE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_scope_of_xdp_tx_errors() {
        for (name, expected) in [
            ("rx_queue_0_xdp_tx_errors", Some(Scope::Queue)),
            ("rx_queue_11_xdp_tx", None),
            ("tx_queue_0_xdp_xmit_errors", None),
            ("rx_xdp_tx_errors", Some(Scope::Driver)),
            ("[drv] xdp tx errors", Some(Scope::Driver)),
            ("tx0_xdp_tx_drops", Some(Scope::Queue)),
            ("rx_xdp_tx_full", Some(Scope::Driver)),
            ("rx3_xdp_tx_err", Some(Scope::Queue)),
            ("Tx ring  0 XDP drops", Some(Scope::Queue)),
            ("Rx ring  0 XDP drops", None),
            ("rx_queue_0_xdp_drops", None),
            ("rx_xdp_tx_errors[2]", Some(Scope::Queue)),
            ("", None),
        ] {
            let mut bytes = [0; ETH_GSTRING_LEN];
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            assert_eq!(xdp_tx_error_scope(&bytes), expected, "{name}");
        }
    }

    #[test]
    fn guard_page_stops_the_kernel() {
        let mut buffer = GuardedBuffer::new(1).unwrap();
        assert_eq!(buffer.bytes().len(), LARGEST_PAGE);
        let zero = std::fs::File::open("/dev/zero").unwrap();
        // SAFETY: the kernel fails at the guard page, which is part of the mapping.
        let read = unsafe {
            libc::read(
                zero.as_raw_fd(),
                buffer.address.as_ptr().byte_add(LARGEST_PAGE),
                1,
            )
        };
        assert_eq!(Errno::result(read), Err(Errno::EFAULT));
    }
}
