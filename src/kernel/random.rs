//! Random bytes from the kernel.

use nix::errno::Errno;
use nix::libc;

/// Six cryptographically secure random words, for keyed hashes.
///
/// # Errors
/// The errors of [`bytes`].
pub fn words() -> Result<[u64; 6], Errno> {
    let bytes: [u8; 48] = bytes()?;
    let mut words = [0; 6];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.try_into().map_or(0, u64::from_ne_bytes);
    }
    Ok(words)
}

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
