//! Resource limits of the worker.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// Bytes of data memory: heap, stacks of threads and private writable mappings (4.7). The list of system calls has no
/// shared mappings, so this limit covers all memory.
pub const DATA: rlim_t = 16 << 20;
/// Open descriptors.
pub const DESCRIPTORS: rlim_t = 256;

/// Limits of a worker.
///
/// `RLIMIT_NPROC` is not set: it counts the threads of all processes of the user, so another process of nobody could block
/// the worker. Seccomp forbids new processes and threads.
pub const LIMITS: &[(Resource, rlim_t)] = &[
    (Resource::RLIMIT_NOFILE, DESCRIPTORS),
    (Resource::RLIMIT_DATA, DATA),
    (Resource::RLIMIT_FSIZE, 0),
    (Resource::RLIMIT_CORE, 0),
    (Resource::RLIMIT_MEMLOCK, 0),
];

/// Sets the limits irrevocably. A lower hard limit stays.
///
/// # Errors
/// Errors of `setrlimit`.
pub fn lower() -> Result<(), Errno> {
    LIMITS.iter().try_for_each(|&(resource, most)| {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, most.min(hard), most.min(hard))
    })
}
