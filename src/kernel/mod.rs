//! Calls into the kernel: maps, programs, attachments, interfaces. The only room with `unsafe`.
//!
//! Each BPF call goes through [`bpf_call`], which names the call and lets a test inject a fault. Each descriptor becomes
//! an `OwnedFd` as soon as the kernel returns it, so an error closes all descriptors opened before.

#![allow(unsafe_code, reason = "system calls")]

#[cfg(feature = "faults")]
pub mod allocations;
pub mod attach;
mod attach_calls;
pub mod bpf_call;
pub mod btf;
pub mod capability;
pub mod descriptors;
pub mod driver_counters;
pub mod fd_passing;
pub mod info;
pub mod interface;
pub mod landlock;
pub mod limits;
pub mod link_type;
pub mod listen;
pub mod map;
mod map_entries;
pub mod map_scan;
pub mod mapped_array;
pub mod membarrier;
pub mod namespace;
mod netlink;
pub mod pin;
pub mod process;
pub mod program;
pub mod random;
pub mod ring_buffer;
pub mod seccomp;
pub mod shared_memory;
pub mod signals;
pub mod statistics;
pub mod terminal;
pub mod wall_clock;
pub mod xdp_mode;

use std::ffi::CStr;
use std::fmt;
use std::io;

use nix::errno::Errno;
use nix::libc;

pub use bpf_call::Call;
pub use netlink::{Reason, truncate};

/// The errno of a standard library error; `EIO` for an error without one, such as an unexpected end of file.
pub fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// The text of the C library for an errno. nix has a table of its own, which would take 7 KB.
pub fn describe(errno: Errno) -> &'static str {
    // SAFETY: for each number of `Errno`, `strerror` returns a constant text that ends with a NUL.
    let text = unsafe { CStr::from_ptr(libc::strerror(errno as i32)) };
    text.to_str().unwrap_or_default()
}

/// Repeats `call` while a signal interrupts it, as `SIGCONT` after `SIGSTOP` does even without a handler.
///
/// # Errors
/// Every errno of `call` but `EINTR`.
pub fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// A call that the kernel refused.
#[derive(Debug)]
pub struct Error {
    /// Name of the call.
    pub call: Call,
    /// Error of the call.
    pub errno: Errno,
    /// Object of the call, and the kernel's message, if any; may be empty.
    pub detail: String,
}

impl Error {
    /// The refusal of `call` with `errno`; `detail` names the object of the call.
    pub fn new(call: Call, errno: Errno, detail: impl Into<String>) -> Self {
        Self {
            call,
            errno,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.detail.is_empty() {
            write!(f, "{}: ", self.detail)?;
        }
        write!(f, "{}: {}", self.call.name(), describe(self.errno))?;
        if matches!(self.errno, Errno::EPERM | Errno::EACCES) {
            f.write_str("; it needs CAP_BPF and CAP_NET_ADMIN (CAP_SYS_ADMIN before kernel 5.8)")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Result of a named call.
pub type Result<T> = std::result::Result<T, Error>;
