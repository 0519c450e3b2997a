//! The reading end of a BPF ring buffer (5.8), for a process that was handed its descriptor; no capability is needed.
//!
//! The kernel maps the ring buffer as one page with the position of the consumer, which the reader may write, one page with
//! the position of the producer, and the data twice in succession, so that no record is split. A record has a header of
//! 8 bytes: its length, with two flags, and 4 bytes for the kernel.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use nix::errno::Errno;
use nix::libc::off_t;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::unistd::{SysconfVar, sysconf};

/// Bytes of a record's header.
const HEADER: usize = 8;
/// The kernel still writes the record.
const BPF_RINGBUF_BUSY_BIT: u32 = 1 << 31;
/// The reader must skip the record.
const BPF_RINGBUF_DISCARD_BIT: u32 = 1 << 30;

/// Maximum bytes of a record that the reader copies.
const MAX_RECORD: usize = 256;

/// A mapped ring buffer. Records that were written before the mapping are read too.
#[derive(Debug)]
pub struct RingBuffer {
    fd: OwnedFd,
    /// One page; its first 8 bytes are the position of the consumer.
    consumer: Mapping,
    /// One page, whose first 8 bytes are the position of the producer, then twice `size` bytes of data.
    producer: Mapping,
    page: usize,
    size: usize,
}

/// A range of mapped memory.
#[derive(Debug)]
struct Mapping {
    address: NonNull<c_void>,
    size: usize,
}

impl Mapping {
    fn new(fd: &OwnedFd, at: usize, size: usize, access: ProtFlags) -> Result<Self, Errno> {
        let length = NonZeroUsize::new(size).ok_or(Errno::EINVAL)?;
        let offset = off_t::try_from(at).map_err(|_| Errno::EINVAL)?;
        // SAFETY: the kernel chooses the address, so the call replaces no mapping of this process.
        let address = unsafe {
            mmap(
                None,
                length,
                access,
                MapFlags::MAP_SHARED,
                fd.as_fd(),
                offset,
            )?
        };
        Ok(Self { address, size })
    }

    /// The position at the start of the mapping.
    fn position(&self) -> &AtomicU64 {
        // SAFETY: the mapping is at least a page, is aligned to a page and lives as long as `self`. The kernel accesses its
        // first 8 bytes atomically, and this process only through this function.
        unsafe { AtomicU64::from_ptr(self.address.as_ptr().cast()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping of `size` bytes, and no borrow of it outlives `self`.
        let _ = unsafe { munmap(self.address, self.size) };
    }
}

impl RingBuffer {
    /// Maps a ring buffer of `size` bytes.
    ///
    /// # Errors
    /// `EINVAL` when the descriptor is no ring buffer, or `size` exceeds its size; `EPERM`, `ENOMEM`.
    pub fn open(fd: OwnedFd, size: usize) -> Result<Self, Errno> {
        let page = sysconf(SysconfVar::PAGE_SIZE)?.ok_or(Errno::EINVAL)?;
        let page = usize::try_from(page).map_err(|_| Errno::EINVAL)?;
        if !size.is_power_of_two() || size < page {
            return Err(Errno::EINVAL);
        }
        let mapped = size.checked_mul(2).and_then(|data| data.checked_add(page));
        let mapped = mapped.ok_or(Errno::EINVAL)?;
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        Ok(Self {
            consumer: Mapping::new(&fd, 0, page, both)?,
            producer: Mapping::new(&fd, page, mapped, ProtFlags::PROT_READ)?,
            fd,
            page,
            size,
        })
    }

    /// Passes each record to `visit`, and frees its room. Bytes of a record after the first 256 are omitted.
    ///
    /// # Errors
    /// `EBADMSG` when the memory is not that of a ring buffer of this size.
    pub fn read(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<(), Errno> {
        let mut record = [0; MAX_RECORD];
        let mut position = self.consumer.position().load(Ordering::Relaxed);
        // Records that arrive meanwhile are left for the next call, so that the call ends.
        let end = self.producer.position().load(Ordering::Relaxed);
        // Rust allows only relaxed loads from read-only memory.
        fence(Ordering::Acquire);
        if end.wrapping_sub(position) > self.size as u64 {
            return Err(Errno::EBADMSG);
        }
        while position != end {
            let Some((is_valid, length)) = self.header(position)? else {
                break;
            };
            let whole = (length + HEADER).next_multiple_of(HEADER) as u64;
            if whole > end.wrapping_sub(position) {
                return Err(Errno::EBADMSG);
            }
            if is_valid {
                let copied = record.get_mut(..length.min(MAX_RECORD)).unwrap_or_default();
                self.copy(position, copied);
                visit(copied);
            }
            position = position.wrapping_add(whole);
            self.consumer.position().store(position, Ordering::Release);
        }
        Ok(())
    }

    /// The offset in the data of a position.
    const fn offset(&self, position: u64) -> usize {
        // The remainder is below `size`, so no bits are lost.
        #[allow(clippy::cast_possible_truncation, reason = "see above")]
        let offset = (position & (self.size as u64 - 1)) as usize;
        offset
    }

    /// The record at `position`: true unless it must be skipped, and its length. `None` if the kernel still writes it.
    fn header(&self, position: u64) -> Result<Option<(bool, usize)>, Errno> {
        let offset = self.page + self.offset(position);
        if !position.is_multiple_of(HEADER as u64) {
            return Err(Errno::EBADMSG);
        }
        // SAFETY: `offset` is a multiple of 8 below `page + size`, so the 4 bytes are aligned and inside of the mapping,
        // which lives as long as `self`. The kernel writes them atomically.
        let word =
            unsafe { AtomicU32::from_ptr(self.producer.address.byte_add(offset).as_ptr().cast()) };
        let word = word.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if word & BPF_RINGBUF_BUSY_BIT != 0 {
            return Ok(None);
        }
        let length = (word & !BPF_RINGBUF_DISCARD_BIT) as usize;
        if length > self.size - HEADER {
            return Err(Errno::EBADMSG);
        }
        Ok(Some((word & BPF_RINGBUF_DISCARD_BIT == 0, length)))
    }

    /// Copies the start of the record at `position`, whose length [`RingBuffer::header`] has checked.
    fn copy(&self, position: u64, out: &mut [u8]) {
        let offset = self.page + self.offset(position) + HEADER;
        // SAFETY: `out` is no longer than the record, at most `size - HEADER` bytes, so the range ends before
        // `page + 2 * size`, the end of the mapping. The kernel does not write to a complete record before the consumer's
        // position has passed it, and no reference to the mapping exists.
        unsafe {
            let start = self.producer.address.byte_add(offset).as_ptr().cast::<u8>();
            std::ptr::copy_nonoverlapping(start, out.as_mut_ptr(), out.len());
        }
    }
}

/// Readable while the ring buffer has records. A process that waits is woken when the writer wakes it.
impl AsFd for RingBuffer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;

    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::*;

    /// A file with the layout of a ring buffer, written in place of the kernel.
    struct Written {
        file: File,
        page: u64,
        size: u64,
    }

    impl Written {
        fn new() -> (Self, RingBuffer) {
            let page = sysconf(SysconfVar::PAGE_SIZE).unwrap().unwrap();
            let page = u64::try_from(page).unwrap();
            let fd = memfd_create(c"ring", MFdFlags::MFD_CLOEXEC).unwrap();
            let file = File::from(fd);
            file.set_len(4 * page).unwrap();
            let reader = file.try_clone().unwrap().into();
            let ring = RingBuffer::open(reader, usize::try_from(page).unwrap()).unwrap();
            let size = page;
            (Self { file, page, size }, ring)
        }

        /// Writes a record, and the positions of consumer and producer.
        fn record(&self, position: u64, header: u32, bytes: &[u8], end: u64) {
            let at = 2 * self.page + position % self.size;
            self.file.write_all_at(&header.to_ne_bytes(), at).unwrap();
            self.file.write_all_at(bytes, at + HEADER as u64).unwrap();
            self.set(1, end);
        }

        fn set(&self, page: u64, position: u64) {
            let bytes = position.to_ne_bytes();
            self.file.write_all_at(&bytes, page * self.page).unwrap();
        }
    }

    fn read(ring: &mut RingBuffer) -> Result<Vec<Vec<u8>>, Errno> {
        let mut records = Vec::new();
        ring.read(&mut |record| records.push(record.to_vec()))?;
        Ok(records)
    }

    #[test]
    fn records_are_read_once_and_discarded_ones_are_skipped() {
        let (written, mut ring) = Written::new();
        assert_eq!(read(&mut ring), Ok(vec![]));
        written.record(0, 5, b"first", 16);
        written.record(16, 3 | BPF_RINGBUF_DISCARD_BIT, b"not", 32);
        written.record(32, 8, b"8 bytes.", 48);
        assert_eq!(
            read(&mut ring),
            Ok(vec![b"first".to_vec(), b"8 bytes.".to_vec()])
        );
        assert_eq!(read(&mut ring), Ok(vec![]));
        // The second half of the mapping, which is the first half again in the kernel's mapping.
        let last = written.size - 8;
        written.set(0, last);
        written.record(last, 4, b"wrap", last + 16);
        assert_eq!(read(&mut ring), Ok(vec![b"wrap".to_vec()]));
    }

    #[test]
    fn record_that_is_written_ends_reading() {
        let (written, mut ring) = Written::new();
        written.record(0, 4, b"done", 16);
        written.record(16, 4 | BPF_RINGBUF_BUSY_BIT, b"half", 32);
        assert_eq!(read(&mut ring), Ok(vec![b"done".to_vec()]));
        written.record(16, 4, b"more", 32);
        assert_eq!(read(&mut ring), Ok(vec![b"more".to_vec()]));
    }

    #[test]
    fn long_record_is_cut() {
        let (written, mut ring) = Written::new();
        let long = [7; 3000];
        written.record(0, 3000, &long, 3008);
        assert_eq!(read(&mut ring), Ok(vec![long[..MAX_RECORD].to_vec()]));
    }

    #[test]
    fn damaged_memory_is_refused() {
        // Records longer than the ring buffer, longer than what was written, and a position out of range.
        for (header, end) in [(u32::MAX >> 2, 16), (16, 16), (0, 4), (4, 1 << 40)] {
            let (written, mut ring) = Written::new();
            written.record(0, header, b"", end);
            assert_eq!(read(&mut ring), Err(Errno::EBADMSG), "{header:x} {end}");
        }
        let (written, mut ring) = Written::new();
        written.set(0, 3);
        written.set(1, 100);
        assert_eq!(read(&mut ring), Err(Errno::EBADMSG));
        for size in [0, 1, 5000] {
            let fd = written.file.try_clone().unwrap().into();
            assert_eq!(RingBuffer::open(fd, size).err(), Some(Errno::EINVAL));
        }
    }
}
