//! The processor's counter of instructions. Virtual machines often have none.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::FromRawFd as _;

use nix::libc;

/// Numbers of `linux/perf_event.h`, where bindings find no names: `PERF_TYPE_HARDWARE`, `PERF_COUNT_HW_INSTRUCTIONS`,
/// `PERF_FLAG_FD_CLOEXEC`.
const HARDWARE: u32 = 0;
const INSTRUCTIONS: u64 = 1;
const CLOSE_ON_EXEC: libc::c_ulong = 8;

const EXCLUDE_USER: u64 = 1 << 4;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;

/// `perf_event_attr` as it was at first, which every kernel takes.
#[repr(C)]
#[derive(Default)]
struct What {
    kind: u32,
    size: u32,
    config: u64,
    others: [u64; 3],
    flags: u64,
    more: [u64; 2],
}

/// Counts what the kernel does for the thread that made it.
pub(crate) struct Counter(File);

impl Counter {
    /// None if the machine has no such counter, or forbids its use.
    pub(crate) fn open() -> Option<Self> {
        let what = What {
            kind: HARDWARE,
            size: u32::try_from(size_of::<What>()).unwrap(),
            config: INSTRUCTIONS,
            flags: EXCLUDE_USER | EXCLUDE_HYPERVISOR,
            ..What::default()
        };
        // This thread, on any CPU, in no group.
        let (thread, cpu, group, flags) = (0, -1, -1, CLOSE_ON_EXEC);
        // SAFETY: `what` outlives the call, and says its own length.
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
        // SAFETY: the kernel has just opened it, and nobody else knows it.
        Some(Self(unsafe { File::from_raw_fd(fd) }))
    }

    /// The number of instructions so far.
    pub(crate) fn read(&self) -> f64 {
        let mut count = [0; 8];
        (&self.0).read_exact(&mut count).unwrap();
        #[allow(clippy::cast_precision_loss)]
        let count = u64::from_ne_bytes(count) as f64;
        count
    }
}
