//! Random bytes from the kernel.

use nix::errno::Errno;
use nix::libc;

/// Cryptographically secure random bytes (`getrandom(2)`, 3.17). Blocks at boot until the kernel's generator is seeded.
///
/// # Errors
/// `EINTR` when a signal interrupts the wait.
pub fn bytes<const N: usize>() -> Result<[u8; N], Errno> {
    let mut bytes = [0; N];
    // SAFETY: the call writes at most `bytes.len()` bytes to `bytes`.
    let count = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    let complete = usize::try_from(Errno::result(count)?).is_ok_and(|count| count == N);
    complete.then_some(bytes).ok_or(Errno::EINTR)
}
