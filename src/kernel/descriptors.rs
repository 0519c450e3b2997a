//! The number of open descriptors of this process.

use std::fs::File;
use std::os::fd::AsRawFd;

use nix::libc;

/// Bytes of the buffer: more than a hundred directory entries.
const BUFFER_SIZE: usize = 4096;
/// Offset of the record's length in `struct linux_dirent64`, behind inode number and offset.
const RECORD_LENGTH_OFFSET: usize = 16;

/// Counts the open descriptors, except the one opened here for counting; `None` without `/proc`.
///
/// This function does not allocate, unlike `readdir(3)`.
pub fn count() -> Option<usize> {
    let directory = File::open("/proc/self/fd").ok()?;
    let mut names = 0usize;
    let mut buffer = [0u8; BUFFER_SIZE];
    loop {
        // SAFETY: the kernel writes at most `BUFFER_SIZE` bytes to `buffer`.
        let length = unsafe {
            libc::syscall(
                libc::SYS_getdents64,
                directory.as_raw_fd(),
                buffer.as_mut_ptr(),
                BUFFER_SIZE,
            )
        };
        let mut rest = buffer.get(..usize::try_from(length).ok()?)?;
        if rest.is_empty() {
            break;
        }
        while let Some(length) = rest
            .get(RECORD_LENGTH_OFFSET..)
            .and_then(|at| at.first_chunk())
        {
            names += 1;
            rest = rest.get(usize::from(u16::from_ne_bytes(*length)).max(1)..)?;
        }
    }
    // `.`, `..`, and the descriptor of the directory.
    names.checked_sub(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_includes_every_descriptor_except_its_own() {
        let more: Vec<File> = (0..300).map(|_| File::open("/dev/null").unwrap()).collect();
        // Other tests open and close descriptors at the same time.
        assert!(count().unwrap() >= 300 && count().unwrap() < 600);
        drop(more);
        let listed = std::fs::read_dir("/proc/self/fd").unwrap().count();
        assert!(count().unwrap().abs_diff(listed) < 200);
    }
}
