//! How much it may have of what.

use nix::errno::Errno;
use nix::sys::resource::{Resource, rlim_t, setrlimit};

/// Bytes of memory for data: heap, stacks of threads, what is mapped for writing by this process alone (4.7). Mapping
/// what is shared is not in the list of calls, so this is all the memory it can get.
pub const DATA: rlim_t = 16 << 20;
/// Open descriptors.
pub const DESCRIPTORS: rlim_t = 256;

/// What and how much.
///
/// `RLIMIT_NPROC` is not among them: it counts threads, and those of everybody with the same ids, so a busy stranger
/// could keep the page from answering. Processes are forbidden by the list of calls, and threads end where memory does.
pub const LIMITS: &[(Resource, rlim_t)] = &[
    (Resource::RLIMIT_NOFILE, DESCRIPTORS),
    (Resource::RLIMIT_DATA, DATA),
    (Resource::RLIMIT_FSIZE, 0),
    (Resource::RLIMIT_CORE, 0),
    (Resource::RLIMIT_MEMLOCK, 0),
];

/// Lowers them, for good.
///
/// # Errors
/// None for a process that may have no more than this already.
pub fn lower() -> Result<(), Errno> {
    LIMITS
        .iter()
        .try_for_each(|&(resource, most)| setrlimit(resource, most, most))
}
