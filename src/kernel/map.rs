//! Maps by descriptor: create, fill, read.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::{io, mem, ptr};

use nix::errno::Errno;

use super::{Call, Error, Result, bpf_call, info};
use crate::object::{MapDef, MapKind};

/// A map in the kernel. Closing it frees the map unless a loaded program uses it.
#[derive(Debug)]
pub struct Map {
    fd: OwnedFd,
    shape: Shape,
}

/// What must be known of a map to read and write its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What kind of map.
    pub kind: MapKind,
    /// Bytes of a key.
    pub key_size: usize,
    /// Bytes of a value, one CPU's.
    pub value_size: usize,
    /// Entries it can hold.
    pub max_entries: u32,
    /// How many values a key has: 1, or the number of possible CPUs for a per-CPU map.
    pub cpus: usize,
}

impl Shape {
    /// The shape of a map made as `def` says, with so many possible CPUs.
    fn of(def: &MapDef, cpus: usize) -> Self {
        let one_each = def.max_entries == 0 && def.kind == MapKind::PERF_EVENT_ARRAY;
        Self {
            kind: def.kind,
            key_size: def.key_size as usize,
            value_size: def.value_size as usize,
            max_entries: if one_each {
                u32::try_from(cpus).unwrap_or(u32::MAX)
            } else {
                def.max_entries
            },
            cpus: if def.kind.is_per_cpu() { cpus } else { 1 },
        }
    }

    /// Bytes the kernel copies for one lookup. For a per-CPU map each CPU's value starts at a multiple of 8
    /// (`round_up(value_size, 8)` in the kernel's `bpf_map_copy_value`).
    pub fn copy_size(&self) -> usize {
        if self.kind.is_per_cpu() {
            self.stride() * self.cpus
        } else {
            self.value_size
        }
    }

    /// Bytes from one CPU's value to the next.
    pub fn stride(&self) -> usize {
        self.value_size.next_multiple_of(8)
    }

    /// The values of one lookup, CPU by CPU; just one where the map isn't per-CPU.
    pub fn values<'a>(&self, copied: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let (stride, size) = if self.kind.is_per_cpu() {
            (self.stride(), self.value_size)
        } else {
            (self.value_size, self.value_size)
        };
        copied
            .chunks(stride.max(1))
            .filter_map(move |chunk| chunk.get(..size))
    }
}

/// The types a map is created with: a loaded BTF, and the ids of key and value in it.
#[derive(Clone, Copy, Debug)]
pub struct Types<'fd> {
    /// The BTF.
    pub btf: BorrowedFd<'fd>,
    /// Key type id.
    pub key: u32,
    /// Value type id.
    pub value: u32,
}

impl Map {
    /// Creates a map as `def` says. `types` let `bpftool map dump` show members; `inner` is a map like those that a
    /// map-in-map will hold; `cpus` is the number of possible CPUs.
    ///
    /// # Errors
    /// `E2BIG` and `EINVAL` when the kernel can't make such a map, `ENOMEM`, `EPERM`.
    pub fn create(
        def: &MapDef,
        types: Option<Types<'_>>,
        inner: Option<BorrowedFd<'_>>,
        cpus: usize,
    ) -> Result<Self> {
        let shape = Shape::of(def, cpus);
        let name = format!("{}\0", def.kernel_name());
        // SAFETY: bpf_create_map_attr is plain data (integers, one pointer, a union of integers); all zero is valid.
        let mut attributes: bpf_sys::bpf_create_map_attr = unsafe { mem::zeroed() };
        attributes.name = name.as_ptr().cast();
        attributes.map_type = def.kind.0;
        attributes.key_size = def.key_size;
        attributes.value_size = def.value_size;
        attributes.max_entries = shape.max_entries;
        attributes.map_flags = def.flags | def.numa_node.map_or(0, |_| bpf_sys::BPF_F_NUMA_NODE);
        attributes.numa_node = def.numa_node.unwrap_or(0);
        if let Some(types) = types {
            attributes.btf_fd = descriptor(types.btf);
            attributes.btf_key_type_id = types.key;
            attributes.btf_value_type_id = types.value;
        }
        if let Some(inner) = inner {
            attributes.__bindgen_anon_1.inner_map_fd = descriptor(inner);
        }
        // SAFETY: `attributes` is initialised, and the name it points to is NUL-terminated and lives beyond the call.
        let fd = bpf_call::call(Call::MapCreate, || unsafe {
            bpf_sys::bpf_create_map_xattr(&raw const attributes)
        })
        .map_err(|errno| {
            let what = format!("map {} ({})", def.name, def.kind);
            Error::new(Call::MapCreate, errno, what)
        })?;
        // SAFETY: the kernel has just made this descriptor and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd, shape })
    }

    /// A map that another process made as `def` says.
    ///
    /// # Errors
    /// `EINVAL` when it was made otherwise.
    pub fn adopt(fd: OwnedFd, def: &MapDef, cpus: usize) -> std::result::Result<Self, Errno> {
        let shape = Shape::of(def, cpus);
        let there = info::map(fd.as_fd())?.definition;
        let sizes = |def: &MapDef| (def.kind, def.key_size, def.value_size);
        if sizes(&there) == sizes(def) && there.max_entries == shape.max_entries {
            Ok(Self { fd, shape })
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// A map that another process made, as the kernel describes it; `cpus` is the number of possible CPUs.
    pub fn open(fd: OwnedFd, info: &info::Map, cpus: usize) -> Self {
        let shape = Shape::of(&info.definition, cpus);
        Self { fd, shape }
    }

    /// The same map by another descriptor.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn share(&self) -> io::Result<Self> {
        Ok(Self {
            fd: self.fd.try_clone()?,
            shape: self.shape,
        })
    }

    /// What the map looks like.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The descriptor, for the instructions that refer to the map.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Sets one entry. `value` is what the kernel copies: [`Shape::copy_size`] bytes.
    ///
    /// # Errors
    /// `E2BIG` when the map is full or the index past its end, `EINVAL` for buffers of the wrong size.
    pub fn update(&self, key: &[u8], value: &[u8]) -> std::result::Result<(), Errno> {
        if key.len() != self.shape.key_size || value.len() != self.shape.copy_size() {
            return Err(Errno::EINVAL);
        }
        let fd = self.fd.as_raw_fd();
        // SAFETY: the kernel reads key_size and copy_size bytes; both slices were just checked to hold as many.
        bpf_call::call(Call::MapUpdate, || unsafe {
            bpf_sys::bpf_map_update_elem(fd, key.as_ptr().cast(), value.as_ptr().cast(), 0)
        })
        .map(drop)
    }

    /// Deletes an entry, if it is there.
    ///
    /// # Errors
    /// `EINVAL` for an array.
    pub fn delete(&self, key: &[u8]) -> std::result::Result<(), Errno> {
        if key.len() != self.shape.key_size {
            return Err(Errno::EINVAL);
        }
        let fd = self.fd.as_raw_fd();
        // SAFETY: the kernel reads key_size bytes; the slice was just checked to hold as many.
        let answer = bpf_call::call(Call::MapDelete, || unsafe {
            bpf_sys::bpf_map_delete_elem(fd, key.as_ptr().cast())
        });
        match answer {
            Ok(_) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Sets `count` entries in one call (5.6; per-CPU arrays 5.13, other kinds later). The keys stand one after the
    /// other, as do the values. On an error, how many were set before it.
    ///
    /// # Errors
    /// `EINVAL` or `ENOTSUPP` (524) where the kernel has no batches, else as [`Map::update`].
    pub fn update_batch(
        &self,
        keys: &[u8],
        values: &[u8],
        count: u32,
    ) -> std::result::Result<(), (u32, Errno)> {
        let entries = count as usize;
        if keys.len() != entries * self.shape.key_size
            || values.len() != entries * self.shape.copy_size()
        {
            return Err((0, Errno::EINVAL));
        }
        let fd = self.fd.as_raw_fd();
        let mut done = count;
        // SAFETY: the kernel reads `count` keys and values, which the slices were just checked to hold; it writes only
        // `done`. libbpf declares the buffers mutable but BPF_MAP_UPDATE_BATCH does not write to them.
        bpf_call::call(Call::MapUpdateBatch, || unsafe {
            bpf_sys::bpf_map_update_batch(
                fd,
                keys.as_ptr().cast_mut().cast(),
                values.as_ptr().cast_mut().cast(),
                &raw mut done,
                ptr::null(),
            )
        })
        // The kernel writes the count only when it has begun: EINVAL from the front gate leaves it as it was.
        .map_err(|errno| (if done == count { 0 } else { done }, errno))
        .map(drop)
    }

    /// Copies the value under `key` to `value` ([`Shape::copy_size`] bytes); false when there is none.
    ///
    /// # Errors
    /// What the kernel says, but for `ENOENT`.
    pub fn lookup(&self, key: &[u8], value: &mut [u8]) -> std::result::Result<bool, Errno> {
        if key.len() != self.shape.key_size || value.len() != self.shape.copy_size() {
            return Err(Errno::EINVAL);
        }
        let fd = self.fd.as_raw_fd();
        // SAFETY: the kernel reads key_size bytes and writes copy_size bytes; both slices were just checked.
        let answer = bpf_call::call(Call::MapLookup, || unsafe {
            bpf_sys::bpf_map_lookup_elem(fd, key.as_ptr().cast(), value.as_mut_ptr().cast())
        });
        match answer {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Copies the key after `key` to `next`; false at the end. Without `key`, or when that is gone, the first.
    ///
    /// # Errors
    /// What the kernel says, but for `ENOENT`.
    pub fn next_key(
        &self,
        key: Option<&[u8]>,
        next: &mut [u8],
    ) -> std::result::Result<bool, Errno> {
        let size = self.shape.key_size;
        if next.len() != size || key.is_some_and(|key| key.len() != size) {
            return Err(Errno::EINVAL);
        }
        let fd = self.fd.as_raw_fd();
        let key = key.map_or(ptr::null(), <[u8]>::as_ptr);
        // SAFETY: `key` is null or points to key_size bytes, `next` to as many; the kernel reads and writes no more.
        let answer = bpf_call::call(Call::MapNextKey, || unsafe {
            bpf_sys::bpf_map_get_next_key(fd, key.cast(), next.as_mut_ptr().cast())
        });
        match answer {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Copies entries from where `token` stands, as many as fit the buffers, and moves `token` (5.6). Without
    /// `started`, from the beginning. Returns how many entries there are, and whether they were the last.
    ///
    /// # Errors
    /// `ENOSPC` when a bucket of a hash map holds more entries than fit; `EINVAL` where the kernel has no batches.
    pub fn lookup_batch(
        &self,
        started: bool,
        token: &mut [u8],
        keys: &mut [u8],
        values: &mut [u8],
    ) -> std::result::Result<(usize, bool), Errno> {
        let (key_size, copy_size) = (self.shape.key_size.max(1), self.shape.copy_size().max(1));
        let room = (keys.len() / key_size).min(values.len() / copy_size);
        // Hash maps keep a u32 in the token, arrays a key.
        if token.len() < key_size.max(4) || room == 0 {
            return Err(Errno::EINVAL);
        }
        let mut count = u32::try_from(room).unwrap_or(u32::MAX);
        let fd = self.fd.as_raw_fd();
        let out = token.as_mut_ptr();
        let from = if started { out } else { ptr::null_mut() };
        // SAFETY: the kernel reads and writes max(4, key_size) bytes of the token and at most `count` keys and values;
        // the buffers were just measured to hold that.
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
        let copied = (count as usize).min(room);
        match answer {
            Ok(_) => Ok((copied, false)),
            Err(Errno::ENOENT) => Ok((copied, true)),
            Err(errno) => Err(errno),
        }
    }

    /// Makes the map read-only for user space for ever (5.2), so that the verifier takes its content for constant.
    ///
    /// # Errors
    /// `EINVAL` on older kernels.
    pub fn freeze(&self) -> std::result::Result<(), Errno> {
        let fd = self.fd.as_raw_fd();
        // SAFETY: takes a descriptor and nothing else.
        bpf_call::call(Call::MapFreeze, || unsafe { bpf_sys::bpf_map_freeze(fd) }).map(drop)
    }
}

/// A descriptor as the fields of `bpf_attr` want it.
fn descriptor(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().unsigned_abs()
}
