//! Arrays of the kernel mapped into this process. A store takes effect in the program at once, without a system call.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::os::fd::AsFd as _;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU32, AtomicU64};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::map::Map;
use crate::object::MapKind;

/// An array map with the flag `BPF_F_MMAPABLE` (5.5), mapped for reading and writing. The mapping keeps the map alive.
///
/// Entry `i` starts at byte `i * value_size.next_multiple_of(8)`, as in the kernel's `array_map_alloc`.
#[derive(Debug)]
pub struct MappedArray {
    address: NonNull<c_void>,
    /// Bytes of all entries, a multiple of 8.
    size: usize,
}

impl MappedArray {
    /// Maps all entries of `map`.
    ///
    /// # Errors
    /// `EINVAL` when `map` is no array or lacks the flag; `EPERM` when it is frozen; `ENOMEM`.
    pub fn new(map: &Map) -> Result<Self, Errno> {
        let shape = map.shape();
        if shape.kind != MapKind::ARRAY {
            return Err(Errno::EINVAL);
        }
        let entries = usize::try_from(shape.max_entries).map_err(|_| Errno::E2BIG)?;
        let size = shape
            .stride()
            .checked_mul(entries)
            .and_then(NonZeroUsize::new)
            .ok_or(Errno::EINVAL)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses the address, so the call replaces no mapping of this process. The kernel refuses a
        // size above that of the map, so every page of the mapping has memory behind it, which nobody can truncate.
        let address = unsafe {
            mmap(
                None,
                size,
                access,
                MapFlags::MAP_SHARED,
                map.fd().as_fd(),
                0,
            )?
        };
        Ok(Self {
            address,
            size: size.get(),
        })
    }

    /// All entries as words of 4 bytes.
    pub fn words32(&self) -> &[AtomicU32] {
        let first = self.address.as_ptr().cast::<AtomicU32>();
        // SAFETY: `size` bytes are mapped at a page boundary until drop, which the borrow of `self` precedes. Other
        // processes and the kernel may change the memory at any time; this process accesses it only by atomics. Any bits
        // are a valid integer.
        unsafe { slice::from_raw_parts(first, self.size / size_of::<AtomicU32>()) }
    }

    /// All entries as words of 8 bytes.
    pub fn words64(&self) -> &[AtomicU64] {
        let first = self.address.as_ptr().cast::<AtomicU64>();
        // SAFETY: as in `words32`. An access by one width never overlaps an access by another in this crate: a caller maps
        // a part as words of one width.
        unsafe { slice::from_raw_parts(first, self.size / size_of::<AtomicU64>()) }
    }
}

impl Drop for MappedArray {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping of `size` bytes, and no borrow of its words outlives it.
        let _ = unsafe { munmap(self.address, self.size) };
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a panic is how a test fails"
    )]

    use std::sync::atomic::Ordering;

    use super::*;
    use crate::object::MapDef;

    /// Flag of `BPF_MAP_CREATE`.
    const BPF_F_MMAPABLE: u32 = 1 << 10;

    fn array(value_size: u32, max_entries: u32, flags: u32) -> Map {
        let def = MapDef {
            kind: MapKind::ARRAY,
            key_size: 4,
            value_size,
            max_entries,
            flags,
            ..MapDef::new("mapped")
        };
        Map::create(&def, None, None, 1).unwrap()
    }

    #[test]
    fn stores_reach_the_kernel_and_back() {
        let map = array(64, 1000, BPF_F_MMAPABLE);
        let mapped = MappedArray::new(&map).unwrap();
        assert_eq!(
            (mapped.words32().len(), mapped.words64().len()),
            (16_000, 8000)
        );
        mapped.words32()[999 * 16 + 15].store(0x0102_0304, Ordering::Release);
        let mut value = [0; 64];
        assert!(map.lookup(&999_u32.to_ne_bytes(), &mut value).unwrap());
        assert_eq!(value[60..], 0x0102_0304_u32.to_ne_bytes());
        value[..8].copy_from_slice(&7_u64.to_ne_bytes());
        map.update(&0_u32.to_ne_bytes(), &value).unwrap();
        assert_eq!(mapped.words64()[0].load(Ordering::Relaxed), 7);
    }

    #[test]
    fn entries_start_at_multiples_of_eight() {
        let map = array(12, 3, BPF_F_MMAPABLE);
        let mapped = MappedArray::new(&map).unwrap();
        assert_eq!(mapped.words64().len(), 6);
        mapped.words64()[4].store(9, Ordering::Relaxed);
        let mut value = [0; 12];
        assert!(map.lookup(&2_u32.to_ne_bytes(), &mut value).unwrap());
        assert_eq!(value[..8], 9_u64.to_ne_bytes());
    }

    #[test]
    fn mapping_outlives_the_descriptor() {
        let map = array(8, 1, BPF_F_MMAPABLE);
        let mapped = MappedArray::new(&map).unwrap();
        drop(map);
        mapped.words64()[0].store(1, Ordering::Relaxed);
        assert_eq!(mapped.words64()[0].load(Ordering::Relaxed), 1);
    }

    #[test]
    fn other_maps_are_refused() {
        assert!(MappedArray::new(&array(8, 1, 0)).is_err());
        let def = MapDef {
            kind: MapKind::HASH,
            key_size: 4,
            value_size: 8,
            max_entries: 1,
            ..MapDef::new("hash")
        };
        let hash = Map::create(&def, None, None, 1).unwrap();
        assert_eq!(MappedArray::new(&hash).unwrap_err(), Errno::EINVAL);
    }
}
