//! Waits until no program still reads memory of a map that was replaced.

use nix::libc::{self, c_int, c_uint};

/// Waits for an RCU grace period (`linux/membarrier.h`, 4.3).
pub const MEMBARRIER_CMD_GLOBAL: c_int = 1 << 0;

/// Waits for an RCU grace period: each program that was running on a packet when the call began has ended when it returns.
/// Takes some milliseconds. False if the kernel cannot wait: it was built without `CONFIG_MEMBARRIER` (`ENOSYS`) or runs
/// with `nohz_full` (`EINVAL`).
pub fn synchronize() -> bool {
    let flags: c_uint = 0;
    // SAFETY: this command takes two integers and touches no memory of the process.
    unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, flags, 0) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grace_period_ends_if_the_kernel_has_the_call() {
        // SAFETY: MEMBARRIER_CMD_QUERY (0) takes two integers and touches no memory of the process.
        let commands = unsafe { libc::syscall(libc::SYS_membarrier, 0, 0, 0) };
        let known = commands > 0 && commands & libc::c_long::from(MEMBARRIER_CMD_GLOBAL) != 0;
        assert_eq!(synchronize(), known);
    }
}
