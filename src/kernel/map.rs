//! Maps by descriptor: creation, adoption, shape. `map_entries.rs` has the methods for entries.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::{io, mem};

use nix::errno::Errno;
use nix::unistd::{SysconfVar, sysconf};

use super::{Call, Error, Result, bpf_call, info};
use crate::object::{MapDef, MapKind};

/// A map in the kernel. Closing its last descriptor frees the map, unless a program or a pin refers to it.
#[derive(Debug)]
pub struct Map {
    fd: OwnedFd,
    shape: Shape,
}

/// Type and sizes of a map; they determine the layout of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Type of the map.
    pub kind: MapKind,
    /// Bytes of a key.
    pub key_size: usize,
    /// Bytes of a value of one CPU.
    pub value_size: usize,
    /// Maximum number of entries.
    pub max_entries: u32,
    /// Values for each key: the number of possible CPUs for a per-CPU map, else 1.
    pub cpus: usize,
}

impl Shape {
    /// Shape of a map that `def` defines; `cpus` is the number of possible CPUs.
    fn of(def: &MapDef, cpus: usize) -> Self {
        let max_entries = match def.kind {
            // libbpf too creates a perf event array of size 0 with one entry for each CPU.
            MapKind::PERF_EVENT_ARRAY if def.max_entries == 0 => {
                u32::try_from(cpus).unwrap_or(u32::MAX)
            }
            MapKind::RINGBUF | MapKind::USER_RINGBUF => ring_size(def.max_entries),
            _ => def.max_entries,
        };
        Self {
            kind: def.kind,
            key_size: def.key_size as usize,
            value_size: def.value_size as usize,
            max_entries,
            cpus: if def.kind.is_per_cpu() { cpus } else { 1 },
        }
    }

    /// Bytes that the kernel copies in one lookup. In a per-CPU map the value of each CPU starts at a multiple of 8
    /// (`round_up(value_size, 8)` in the kernel's `bpf_map_copy_value`).
    pub fn copy_size(&self) -> usize {
        if self.kind.is_per_cpu() {
            self.stride() * self.cpus
        } else {
            self.value_size
        }
    }

    /// Bytes from the value of one CPU to the value of the next.
    pub fn stride(&self) -> usize {
        self.value_size.next_multiple_of(8)
    }

    /// Values of one lookup in order of CPUs; a single value for a map that is not per-CPU.
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

/// BTF types of a map.
#[derive(Clone, Copy, Debug)]
pub struct Types<'fd> {
    /// Loaded BTF.
    pub btf: BorrowedFd<'fd>,
    /// Type id of the key.
    pub key: u32,
    /// Type id of the value.
    pub value: u32,
}

impl Map {
    /// Creates the map that `def` defines. With `types`, `bpftool map dump` shows members by name. `inner` is the template
    /// for the maps in a map-in-map; `cpus` is the number of possible CPUs.
    ///
    /// # Errors
    /// `E2BIG` and `EINVAL` when the kernel does not support such a map, `ENOMEM`, `EPERM`.
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
        // SAFETY: `attributes` is initialised, and its name is NUL-terminated and outlives the call.
        let fd = bpf_call::call(Call::MapCreate, || unsafe {
            bpf_sys::bpf_create_map_xattr(&raw const attributes)
        })
        .map_err(|errno| {
            let detail = format!("map {} ({})", def.name, def.kind);
            Error::new(Call::MapCreate, errno, detail)
        })?;
        // SAFETY: the kernel has just created this descriptor and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd, shape })
    }

    /// Takes over a map that another process created by `def`. The parts of a table may have any number of entries.
    ///
    /// # Errors
    /// `EINVAL` when the map's type or sizes differ from `def`.
    pub fn adopt(fd: OwnedFd, def: &MapDef, cpus: usize) -> std::result::Result<Self, Errno> {
        let mut shape = Shape::of(def, cpus);
        let actual = info::map(fd.as_fd())?.definition;
        if def.is_of_table() {
            shape.max_entries = actual.max_entries;
        }
        let sizes = |def: &MapDef| (def.kind, def.key_size, def.value_size);
        if sizes(&actual) == sizes(def) && actual.max_entries == shape.max_entries {
            Ok(Self { fd, shape })
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// Takes over any map of another process. `info` is the kernel's description; `cpus` is the number of possible CPUs.
    pub fn open(fd: OwnedFd, info: &info::Map, cpus: usize) -> Self {
        let shape = Shape::of(&info.definition, cpus);
        Self { fd, shape }
    }

    /// Duplicates the descriptor.
    ///
    /// # Errors
    /// `EMFILE`.
    pub fn share(&self) -> io::Result<Self> {
        Ok(Self {
            fd: self.fd.try_clone()?,
            shape: self.shape,
        })
    }

    /// Type and sizes.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The descriptor, to which a program's instructions refer.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Makes the map read-only for user space forever (5.2). The verifier then treats the map's content as constant.
    ///
    /// # Errors
    /// `EINVAL` on older kernels.
    pub fn freeze(&self) -> std::result::Result<(), Errno> {
        let fd = self.fd.as_raw_fd();
        // SAFETY: the call takes only a descriptor.
        bpf_call::call(Call::MapFreeze, || unsafe { bpf_sys::bpf_map_freeze(fd) }).map(drop)
    }
}

/// Bytes of a ring buffer, rounded up like in libbpf to a power of two of pages: the kernel accepts no other size.
fn ring_size(bytes: u32) -> u32 {
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    let page = page
        .and_then(|page| u32::try_from(page).ok())
        .unwrap_or(4096);
    // The kernel refuses 0 and sizes over 2 GiB, so they are not rounded.
    match bytes.max(page).checked_next_power_of_two() {
        Some(rounded) if bytes > 0 => rounded,
        _ => bytes,
    }
}

/// A descriptor as an unsigned field of `bpf_attr`.
fn descriptor(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().unsigned_abs()
}
