//! Entries of a map: update, delete, lookup and iteration, one by one or in batches.

use std::os::fd::AsRawFd as _;
use std::ptr;

use nix::errno::Errno;

use super::map::Map;
use super::{Call, bpf_call};

/// Start of a batch of lookups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The first entry of the map.
    First,
    /// The entry after the previous batch.
    Next,
}

/// Result of a batch of lookups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Number of entries copied.
    pub entries: usize,
    /// True if no entry follows.
    pub is_last: bool,
}

impl Map {
    /// Sets one entry. `value` has [`Shape::copy_size`](super::map::Shape::copy_size) bytes.
    ///
    /// # Errors
    /// `E2BIG` when the map is full or the index past its end, `EINVAL` for buffers of the wrong size.
    pub fn update(&self, key: &[u8], value: &[u8]) -> Result<(), Errno> {
        if key.len() != self.shape().key_size || value.len() != self.shape().copy_size() {
            return Err(Errno::EINVAL);
        }
        let fd = self.fd().as_raw_fd();
        // SAFETY: the kernel reads key_size and copy_size bytes; the lengths of both slices are checked above.
        bpf_call::call(Call::MapUpdate, || unsafe {
            bpf_sys::bpf_map_update_elem(fd, key.as_ptr().cast(), value.as_ptr().cast(), 0)
        })
        .map(drop)
    }

    /// Deletes an entry. A missing entry is not an error.
    ///
    /// # Errors
    /// `EINVAL` for an array.
    pub fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        if key.len() != self.shape().key_size {
            return Err(Errno::EINVAL);
        }
        let fd = self.fd().as_raw_fd();
        // SAFETY: the kernel reads key_size bytes; the length of the slice is checked above.
        let answer = bpf_call::call(Call::MapDelete, || unsafe {
            bpf_sys::bpf_map_delete_elem(fd, key.as_ptr().cast())
        });
        match answer {
            Ok(_) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Sets `count` entries in one call (5.6; per-CPU arrays 5.13, other types later). `keys` and `values` are
    /// concatenated.
    ///
    /// # Errors
    /// The number of entries set before the error, and the errno: `EINVAL` or `ENOTSUPP` (524) where the kernel has no
    /// batches for this map type, else the errors of [`Map::update`].
    pub fn update_batch(&self, keys: &[u8], values: &[u8], count: u32) -> Result<(), (u32, Errno)> {
        let entries = count as usize;
        if keys.len() != entries * self.shape().key_size
            || values.len() != entries * self.shape().copy_size()
        {
            return Err((0, Errno::EINVAL));
        }
        let fd = self.fd().as_raw_fd();
        let mut done = count;
        // SAFETY: the kernel reads `count` keys and values; the lengths of both slices are checked above. The kernel
        // writes only `done`: libbpf declares the buffers mutable, but BPF_MAP_UPDATE_BATCH does not write to them.
        bpf_call::call(Call::MapUpdateBatch, || unsafe {
            bpf_sys::bpf_map_update_batch(
                fd,
                keys.as_ptr().cast_mut().cast(),
                values.as_ptr().cast_mut().cast(),
                &raw mut done,
                ptr::null(),
            )
        })
        // The kernel checks the arguments before it writes `done`: `done` is still `count` after their EINVAL.
        .map_err(|errno| (if done == count { 0 } else { done }, errno))
        .map(drop)
    }

    /// Copies the value under `key` to `value`, which has [`Shape::copy_size`](super::map::Shape::copy_size) bytes.
    /// Returns false when the map has no such entry.
    ///
    /// # Errors
    /// Every errno but `ENOENT`.
    pub fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result<bool, Errno> {
        if key.len() != self.shape().key_size || value.len() != self.shape().copy_size() {
            return Err(Errno::EINVAL);
        }
        let fd = self.fd().as_raw_fd();
        // SAFETY: the kernel reads key_size bytes and writes copy_size bytes; the lengths of both slices are checked
        // above.
        let answer = bpf_call::call(Call::MapLookup, || unsafe {
            bpf_sys::bpf_map_lookup_elem(fd, key.as_ptr().cast(), value.as_mut_ptr().cast())
        });
        match answer {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Copies the key after `key` to `next`. Returns false after the last key. Without `key`, or when the map no longer
    /// has `key`, `next` is the first key.
    ///
    /// # Errors
    /// Every errno but `ENOENT`.
    pub fn next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result<bool, Errno> {
        let size = self.shape().key_size;
        if next.len() != size || key.is_some_and(|key| key.len() != size) {
            return Err(Errno::EINVAL);
        }
        let fd = self.fd().as_raw_fd();
        let key = key.map_or(ptr::null(), <[u8]>::as_ptr);
        // SAFETY: `key` is null or points to key_size bytes, and `next` points to key_size bytes; the kernel reads and
        // writes no more.
        let answer = bpf_call::call(Call::MapNextKey, || unsafe {
            bpf_sys::bpf_map_get_next_key(fd, key.cast(), next.as_mut_ptr().cast())
        });
        match answer {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Copies entries until the buffers are full, and stores the position in `token` for the next call (5.6).
    /// [`Start::First`] ignores `token`.
    ///
    /// # Errors
    /// `ENOSPC` when a bucket of a hash map holds more entries than fit; `EINVAL` where the kernel has no batches.
    pub fn lookup_batch(
        &self,
        start: Start,
        token: &mut [u8],
        keys: &mut [u8],
        values: &mut [u8],
    ) -> Result<Batch, Errno> {
        let (key_size, copy_size) = (
            self.shape().key_size.max(1),
            self.shape().copy_size().max(1),
        );
        let capacity = (keys.len() / key_size).min(values.len() / copy_size);
        // The token of a hash map is a u32, the token of an array is a key.
        if token.len() < key_size.max(4) || capacity == 0 {
            return Err(Errno::EINVAL);
        }
        let mut count = u32::try_from(capacity).unwrap_or(u32::MAX);
        let fd = self.fd().as_raw_fd();
        let out = token.as_mut_ptr();
        let from = match start {
            Start::First => ptr::null_mut(),
            Start::Next => out,
        };
        // SAFETY: the kernel reads and writes max(4, key_size) bytes of the token and at most `count` keys and values;
        // the lengths of all buffers are checked above.
        let answer = bpf_call::call(Call::MapLookupBatch, || unsafe {
            bpf_sys::bpf_map_lookup_batch(
                fd,
                from.cast(),
                out.cast(),
                keys.as_mut_ptr().cast(),
                values.as_mut_ptr().cast(),
                &raw mut count,
                ptr::null(),
            )
        });
        let is_last = match answer {
            Ok(_) => false,
            Err(Errno::ENOENT) => true,
            Err(errno) => return Err(errno),
        };
        Ok(Batch {
            entries: (count as usize).min(capacity),
            is_last,
        })
    }
}
