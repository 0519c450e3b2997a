//! How many descriptors this process has open.

use std::fs::File;
use std::os::fd::AsRawFd;

use nix::libc;

/// Room for the names of some hundred descriptors at a time.
const ROOM: usize = 4096;
/// Bytes of a `struct linux_dirent64` before its name: inode, offset, length of the record, type.
const LENGTH_AT: usize = 16;

/// How many descriptors are open, without the one that this takes; `None` without `/proc`.
///
/// The C library's way to read a folder allocates; this one does not.
pub fn count() -> Option<usize> {
    let folder = File::open("/proc/self/fd").ok()?;
    let mut names = 0usize;
    let mut room = [0u8; ROOM];
    loop {
        // SAFETY: the kernel writes at most as many bytes as there is room for.
        let length = unsafe {
            libc::syscall(
                libc::SYS_getdents64,
                folder.as_raw_fd(),
                room.as_mut_ptr(),
                ROOM,
            )
        };
        let mut rest = room.get(..usize::try_from(length).ok()?)?;
        if rest.is_empty() {
            break;
        }
        while let Some(size) = rest.get(LENGTH_AT..).and_then(|at| at.first_chunk()) {
            names += 1;
            rest = rest.get(usize::from(u16::from_ne_bytes(*size)).max(1)..)?;
        }
    }
    // `.`, `..`, and the folder itself.
    names.checked_sub(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_descriptor_counts_and_this_one_does_not() {
        let more: Vec<File> = (0..300).map(|_| File::open("/dev/null").unwrap()).collect();
        // Other tests open and close some at the same time.
        assert!(count().unwrap() >= 300 && count().unwrap() < 600);
        drop(more);
        let listed = std::fs::read_dir("/proc/self/fd").unwrap().count();
        assert!(count().unwrap().abs_diff(listed) < 200);
    }
}
