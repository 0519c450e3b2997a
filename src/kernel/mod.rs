//! The kernel's side: maps, programs, attachments, interfaces. The only room with `unsafe`.
//!
//! Every call goes through [`door`], which knows its name and lets a test make it fail. Descriptors are owned from the
//! moment the kernel hands them out, so an error half way closes what was opened.

#![allow(unsafe_code, reason = "system calls")]

#[cfg(feature = "faults")]
pub mod allocations;
pub mod attach;
pub mod bpf_call;
pub mod btf;
pub mod capability;
pub mod descriptors;
pub mod fd_passing;
pub mod info;
pub mod interface;
pub mod landlock;
pub mod limits;
pub mod map;
pub mod map_scan;
mod netlink;
pub mod pin;
pub mod process;
pub mod program;
pub mod random;
pub mod seccomp;
pub mod shared_memory;
pub mod statistics;

use std::fmt;
use std::io;

use nix::errno::Errno;

pub use bpf_call::Call;
pub use netlink::{Words, cut};

/// The kernel's answer in an error of std's; `EIO` where there is none, as when a file ended too early.
pub fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// Calls again what a signal broke off, also one that only stopped the process for a while.
///
/// # Errors
/// All but `EINTR`.
pub fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// A call that the kernel refused, and for what.
#[derive(Debug)]
pub struct Error {
    /// The call.
    pub call: Call,
    /// The kernel's answer.
    pub errno: Errno,
    /// What was asked for, and the kernel's own words where it has any; may be empty.
    pub detail: String,
}

impl Error {
    /// The refusal of `call` with `errno`, while doing what `detail` says.
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
        write!(f, "{}: {}", self.call.name(), self.errno.desc())?;
        if matches!(self.errno, Errno::EPERM | Errno::EACCES) {
            f.write_str("; it needs CAP_BPF and CAP_NET_ADMIN (CAP_SYS_ADMIN before kernel 5.8)")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// The usual result of this room.
pub type Result<T> = std::result::Result<T, Error>;
