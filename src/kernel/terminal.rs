//! Size of a terminal.

use std::mem;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use nix::libc;

/// Rows and columns of a terminal; `None` if the descriptor is not a terminal. A serial console may report zeros.
pub fn size(terminal: BorrowedFd<'_>) -> Option<(u16, u16)> {
    // SAFETY: the structure is plain data.
    let mut size: libc::winsize = unsafe { mem::zeroed() };
    // SAFETY: the call writes at most the structure, which outlives it.
    let result = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (result == 0).then_some((size.ws_row, size.ws_col))
}
