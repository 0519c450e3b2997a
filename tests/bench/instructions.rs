//! The hardware counter of instructions, which virtual machines often lack.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::FromRawFd as _;

use nix::libc;

/// Constants of `linux/perf_event.h` that the libc crate does not define: `PERF_TYPE_HARDWARE`,
/// `PERF_COUNT_HW_INSTRUCTIONS`, `PERF_FLAG_FD_CLOEXEC`.
const HARDWARE: u32 = 0;
const INSTRUCTIONS: u64 = 1;
const CLOSE_ON_EXEC: libc::c_ulong = 8;

const EXCLUDE_USER: u64 = 1 << 4;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;

/// The first version of `perf_event_attr`, which every kernel accepts.
#[repr(C)]
#[derive(Default)]
struct EventAttributes {
    kind: u32,
    size: u32,
    config: u64,
    others: [u64; 3],
    flags: u64,
    more: [u64; 2],
}

/// Counts the kernel's instructions for the thread that opened it.
pub(crate) struct Counter(File);

impl Counter {
    /// `None` if the machine has no such counter or forbids its use.
    pub(crate) fn open() -> Option<Self> {
        let what = EventAttributes {
            kind: HARDWARE,
            size: u32::try_from(size_of::<EventAttributes>()).unwrap(),
            config: INSTRUCTIONS,
            flags: EXCLUDE_USER | EXCLUDE_HYPERVISOR,
            ..EventAttributes::default()
        };
        // Counts this thread on any CPU, without a group.
        let (thread, cpu, group, flags) = (0, -1, -1, CLOSE_ON_EXEC);
        // SAFETY: `what` outlives the call and contains its own length.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const what,
                thread,
                cpu,
                group,
                flags,
            )
        };
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
        // SAFETY: the kernel has just opened the descriptor, and nothing else owns it.
        Some(Self(unsafe { File::from_raw_fd(fd) }))
    }

    /// The number of instructions since the counter was opened.
    pub(crate) fn read(&self) -> f64 {
        let mut count = [0; 8];
        (&self.0).read_exact(&mut count).unwrap();
        #[allow(clippy::cast_precision_loss)]
        let count = u64::from_ne_bytes(count) as f64;
        count
    }
}
