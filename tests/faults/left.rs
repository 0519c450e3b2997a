//! The BPF objects of one place, whichever process owns them.

use std::ffi::c_void;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Ids of maps, of the programs that use the maps, and of the programs' links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Objects {
    pub(crate) maps: Vec<u32>,
    pub(crate) programs: Vec<u32>,
    pub(crate) links: Vec<u32>,
}

impl Objects {
    /// The objects that belong to maps with the name `tag`: each program that uses such a map, and all maps of the
    /// program.
    pub(crate) fn of(tag: &str) -> Self {
        let mut objects = Self::default();
        let tagged: Vec<u32> = maps()
            .filter(|(_, name)| name == tag)
            .map(|(id, _)| id)
            .collect();
        objects.maps.extend(&tagged);
        for (id, maps) in programs() {
            if maps.iter().any(|map| tagged.contains(map)) {
                objects.programs.push(id);
                objects.maps.extend(maps);
            }
        }
        let links = links().filter(|(_, program)| objects.programs.contains(program));
        objects.links = links.map(|(id, _)| id).collect();
        objects.maps.sort_unstable();
        objects.maps.dedup();
        objects
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The numbers of maps, programs and links.
    pub(crate) fn count(&self) -> [usize; 3] {
        [&self.maps, &self.programs, &self.links].map(Vec::len)
    }
}

type Next = unsafe extern "C" fn(u32, *mut u32) -> i32;
type Open = unsafe extern "C" fn(u32) -> i32;

/// Opens each object of one kind. An object that is freed meanwhile is skipped.
fn each(next: Next, open: Open) -> impl Iterator<Item = (u32, OwnedFd)> {
    let mut id = 0;
    let ids = std::iter::from_fn(move || {
        // SAFETY: the kernel writes the four bytes of `id`.
        (unsafe { next(id, &raw mut id) } == 0).then_some(id)
    });
    ids.filter_map(move |id| {
        // SAFETY: the call takes an integer.
        let fd = unsafe { open(id) };
        // SAFETY: the kernel has just opened the descriptor, and nothing else owns it.
        (fd >= 0).then(|| (id, unsafe { OwnedFd::from_raw_fd(fd) }))
    })
}

/// Reads the kernel's information about an object. `T` is the structure of its kind.
fn info<T>(fd: &OwnedFd, info: &mut T) -> Option<()> {
    let mut size = u32::try_from(size_of::<T>()).unwrap();
    let to = std::ptr::from_mut(info).cast::<c_void>();
    // SAFETY: the kernel writes at most `size` bytes, the size of `info`. Arrays to which `info` points are as long as
    // `info` says.
    let answer = unsafe { bpf_sys::bpf_obj_get_info_by_fd(fd.as_raw_fd(), to, &raw mut size) };
    (answer == 0).then_some(())
}

/// Id and name of each map.
fn maps() -> impl Iterator<Item = (u32, String)> {
    each(bpf_sys::bpf_map_get_next_id, bpf_sys::bpf_map_get_fd_by_id).filter_map(|(id, fd)| {
        // SAFETY: the structure is plain data, for which all zero is valid.
        let mut map: bpf_sys::bpf_map_info = unsafe { zeroed() };
        info(&fd, &mut map)?;
        let bytes = map.name.map(|c| u8::from_ne_bytes(c.to_ne_bytes()));
        let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Some((id, String::from_utf8_lossy(name).into_owned()))
    })
}

/// Id of each program, and the ids of its maps.
fn programs() -> impl Iterator<Item = (u32, Vec<u32>)> {
    let all = each(
        bpf_sys::bpf_prog_get_next_id,
        bpf_sys::bpf_prog_get_fd_by_id,
    );
    all.filter_map(|(id, fd)| {
        let mut maps = [0u32; 16];
        // SAFETY: the structure is plain data, for which all zero is valid.
        let mut program: bpf_sys::bpf_prog_info = unsafe { zeroed() };
        program.nr_map_ids = u32::try_from(maps.len()).unwrap();
        program.map_ids = maps.as_mut_ptr() as u64;
        info(&fd, &mut program)?;
        let count = maps.len().min(program.nr_map_ids as usize);
        Some((id, maps[..count].to_vec()))
    })
}

/// Id of each link, and the id of its program.
fn links() -> impl Iterator<Item = (u32, u32)> {
    let all = each(
        bpf_sys::bpf_link_get_next_id,
        bpf_sys::bpf_link_get_fd_by_id,
    );
    all.filter_map(|(id, fd)| {
        // SAFETY: the structure is plain data, for which all zero is valid.
        let mut link: bpf_sys::bpf_link_info = unsafe { zeroed() };
        info(&fd, &mut link)?;
        Some((id, link.prog_id))
    })
}
