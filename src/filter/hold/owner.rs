//! The process that owns the pins of an interface.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;

use nix::libc;

/// Number of times that the list of locks is read. Another lock that ends during a read can hide a lock.
const READS: usize = 3;

/// Process that holds the lock of a folder; `None` if the process is in another PID namespace.
pub(super) fn lock_owner(folder: &Metadata) -> Option<u32> {
    let device = folder.dev();
    let (major, minor) = (libc::major(device), libc::minor(device));
    let wanted = format!("{major:02x}:{minor:02x}:{}", folder.ino());
    (0..READS).find_map(|_| {
        let locks = fs::read_to_string("/proc/locks").ok()?;
        locks.lines().find_map(|line| parse_owner(line, &wanted))
    })
}

/// Parses the process id of a line of `/proc/locks`, such as `4: FLOCK  ADVISORY  WRITE 6401 00:27:123919 0 EOF`; `None`
/// for a lock of another file, or of another kind.
fn parse_owner(line: &str, file: &str) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    let flock = words.next()? == "FLOCK";
    let pid = words.nth(2)?.parse().ok()?;
    (flock && words.next()? == file).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_flock_of_the_file_has_an_owner() {
        let line = "4: FLOCK  ADVISORY  WRITE 6401 00:27:123919 0 EOF";
        assert_eq!(parse_owner(line, "00:27:123919"), Some(6401));
        assert_eq!(parse_owner(line, "00:27:12391"), None);
        for other in [
            "4: -> FLOCK  ADVISORY  WRITE 6401 00:27:123919 0 EOF",
            "4: POSIX  ADVISORY  WRITE 6401 00:27:123919 0 EOF",
            "4: FLOCK",
            "",
        ] {
            assert_eq!(parse_owner(other, "00:27:123919"), None, "{other}");
        }
    }
}
