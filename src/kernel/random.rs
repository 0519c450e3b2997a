//! Randomness.

use nix::errno::Errno;
use nix::libc;

/// Bytes that nobody can guess (`getrandom(2)`, 3.17). Shortly after boot it waits until the kernel has any.
///
/// # Errors
/// When a signal ended the waiting.
pub fn bytes<const N: usize>() -> Result<[u8; N], Errno> {
    let mut bytes = [0; N];
    // SAFETY: it writes at most as many bytes as `bytes` has.
    let count = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    let complete = usize::try_from(Errno::result(count)?).is_ok_and(|count| count == N);
    complete.then_some(bytes).ok_or(Errno::EINTR)
}
