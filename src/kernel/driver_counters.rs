//! Counters of network drivers (`ethtool -S`), by the ioctl `SIOCETHTOOL`.
//!
//! Each driver has names of its own. The kernel tells their number, their names and their values in three calls, and a
//! driver may get more counters in between, for example with another queue. It then writes more than was asked for, so
//! the memory for it is followed by a page that nobody can write.

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
/// The set of names of counters.
const ETH_SS_STATS: u32 = 1;
/// Bytes of a name, filled up with zeros.
const ETH_GSTRING_LEN: usize = 32;
/// Most counters that are looked at: a card with a hundred queues has some thousands.
const MAX_COUNTERS: usize = 1 << 15;
/// Bytes of the largest page that Linux has on the supported machines.
const LARGEST_PAGE: usize = 1 << 16;

/// The counters of packets that a program sent back (`XDP_TX`) and the driver lost.
#[derive(Debug)]
pub struct XdpTxErrors {
    /// A socket of the interface's network namespace.
    socket: OwnedFd,
    interface: IfName,
    /// Number of the driver's counters.
    count: usize,
    /// The values after a header of 8 bytes; then a byte for each counter, which is 1 for those that are added up.
    memory: Memory,
}

impl XdpTxErrors {
    /// Looks for such counters of the interface's driver; `None` if it has none.
    pub fn find(interface: &IfName) -> Option<Self> {
        let socket = netlink::open(0).ok()?;
        let count = count(&socket, interface)?;
        let mut names = Memory::new(12 + count * ETH_GSTRING_LEN).ok()?;
        names.write(
            0,
            &[ETHTOOL_GSTRINGS, ETH_SS_STATS, u32::try_from(count).ok()?],
        );
        ask(&socket, interface, &mut names).ok()?;
        let names = names.bytes().get(12..)?.chunks_exact(ETH_GSTRING_LEN);
        let lost = || names.clone().take(count).map(counts_lost);
        // A driver that has a sum beside the counters of each queue names it without a number.
        let sum = lost().any(|lost| lost == Some(Scope::Driver));
        let wanted = if sum { Scope::Driver } else { Scope::Queue };
        let mut memory = Memory::new(values_end(count) + count).ok()?;
        let mut found = false;
        let marks = memory.bytes().get_mut(values_end(count)..)?;
        for (mark, lost) in marks.iter_mut().zip(lost()) {
            *mark = u8::from(lost == Some(wanted));
            found |= *mark > 0;
        }
        found.then_some(Self {
            socket,
            interface: interface.clone(),
            count,
            memory,
        })
    }

    /// The counters of the same interface, looked for anew.
    pub fn find_again(&self) -> Option<Self> {
        Self::find(&self.interface)
    }

    /// The number of lost packets; `None` if the driver no longer says, or has other counters now.
    pub fn read(&mut self) -> Option<u64> {
        let count = u32::try_from(self.count).ok()?;
        self.memory.write(0, &[ETHTOOL_GSTATS, count]);
        ask(&self.socket, &self.interface, &mut self.memory).ok()?;
        if netlink::u32_at(self.memory.bytes(), 4) != Some(count) {
            return None;
        }
        let (values, marks) = self
            .memory
            .bytes()
            .split_at_checked(values_end(self.count))?;
        let (values, _) = values.get(8..)?.as_chunks();
        let marked = values.iter().zip(marks).filter(|(_, mark)| **mark == 1);
        let values = marked.map(|(value, _)| u64::from_ne_bytes(*value));
        Some(values.fold(0, u64::wrapping_add))
    }
}

/// End of the values in memory.
const fn values_end(count: usize) -> usize {
    8 + 8 * count
}

/// The number of the driver's counters.
fn count(socket: &OwnedFd, interface: &IfName) -> Option<usize> {
    let mut set = Memory::new(20).ok()?;
    // The command, a reserved word, and the mask of sets in 64 bits; then comes the answer.
    let [low, high] = if cfg!(target_endian = "little") {
        [1 << ETH_SS_STATS, 0]
    } else {
        [0, 1 << ETH_SS_STATS]
    };
    set.write(0, &[ETHTOOL_GSSET_INFO, 0, low, high, 0]);
    ask(socket, interface, &mut set).ok()?;
    let count = netlink::u32_at(set.bytes(), 16)? as usize;
    (1..=MAX_COUNTERS).contains(&count).then_some(count)
}

/// Extent of a counter of lost packets: the driver's, or one queue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Driver,
    Queue,
}

/// Tells a counter of packets that were sent back and lost by its name; `None` for any other.
///
/// Drivers of Linux 6.18 have `rx_queue_0_xdp_tx_errors` (veth), `rx_xdp_tx_errors` (mvneta, mvpp2, `mtk_eth_soc`, fec),
/// `[drv] xdp tx errors` (dpaa2), `tx0_xdp_tx_drops` (virtio), `rx_xdp_tx_full` and `rx_xdp_tx_err` (mlx5, with a
/// sum beside each queue) and `Tx ring  0 XDP drops` (enetc).
fn counts_lost(name: &[u8]) -> Option<Scope> {
    const WORDS: [&[u8]; 3] = [b"xdp_tx_err", b"xdp_tx_drop", b"xdp_tx_full"];
    let mut plain = [0; ETH_GSTRING_LEN];
    for (to, from) in plain.iter_mut().zip(name) {
        *to = match from {
            b' ' => b'_',
            letter => letter.to_ascii_lowercase(),
        };
    }
    let has = |word: &[u8]| plain.windows(word.len()).any(|part| part == word);
    let lost = WORDS.into_iter().any(has) || plain.starts_with(b"tx_ring") && has(b"xdp_drops");
    let scope = if plain.iter().any(u8::is_ascii_digit) {
        Scope::Queue
    } else {
        Scope::Driver
    };
    lost.then_some(scope)
}

/// Makes the ethtool call that the memory begins with; the kernel writes the answer there.
fn ask(socket: &OwnedFd, interface: &IfName, memory: &mut Memory) -> Result<(), Errno> {
    // SAFETY: all zero is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte of the name stays zero.
    for (to, from) in request.ifr_name.iter_mut().zip(interface) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_data = memory.address.as_ptr().cast();
    // SAFETY: `request` outlives the call, and its name ends with a zero. The kernel writes from the memory's address
    // on, and fails with EFAULT at the page behind the memory, which nobody can write. No reference to the memory exists,
    // since it is borrowed mutably.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
    Errno::result(result).map(drop)
}

/// Memory for an answer of the kernel, whose length the kernel alone knows.
#[derive(Debug)]
struct Memory {
    address: NonNull<c_void>,
    /// Bytes that can be written, a multiple of the page size.
    size: usize,
}

// SAFETY: the mapping belongs to this value alone; it may move to another thread.
unsafe impl Send for Memory {}

impl Memory {
    /// Memory of zeros, of at least `size` bytes.
    fn new(size: usize) -> Result<Self, Errno> {
        let size = size.next_multiple_of(LARGEST_PAGE);
        let length = NonZeroUsize::new(size + LARGEST_PAGE).ok_or(Errno::EINVAL)?;
        // SAFETY: the kernel chooses the address, so the call replaces no mapping of this process.
        let address =
            unsafe { mmap_anonymous(None, length, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE)? };
        let memory = Self { address, size };
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the first `size` bytes of the mapping are this value's own.
        unsafe { mprotect(address, size, access)? };
        Ok(memory)
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: `size` bytes from `address` on are mapped and writable until drop, and `self` is borrowed mutably
        // meanwhile. The kernel writes during `ask` alone.
        unsafe { std::slice::from_raw_parts_mut(self.address.as_ptr().cast(), self.size) }
    }

    /// Writes numbers from the byte `at` on.
    fn write(&mut self, at: usize, numbers: &[u32]) {
        let places = self.bytes().get_mut(at..).unwrap_or_default();
        for (place, number) in places.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping, and no borrow of `bytes` outlives it.
        let _ = unsafe { munmap(self.address, self.size + LARGEST_PAGE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_lost_packets_are_known_by_their_names() {
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
            assert_eq!(counts_lost(&bytes), expected, "{name}");
        }
    }

    /// The kernel stops at the page behind the memory.
    #[test]
    fn the_kernel_does_not_write_beyond_the_memory() {
        let mut memory = Memory::new(1).unwrap();
        assert_eq!(memory.bytes().len(), LARGEST_PAGE);
        let zero = std::fs::File::open("/dev/zero").unwrap();
        // SAFETY: the kernel writes to the memory, and fails at the page behind it.
        let read = unsafe {
            libc::read(
                zero.as_raw_fd(),
                memory.address.as_ptr().byte_add(LARGEST_PAGE),
                1,
            )
        };
        assert_eq!(Errno::result(read), Err(Errno::EFAULT));
    }
}
