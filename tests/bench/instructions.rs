//! The hardware counter of instructions, which many virtual machines lack.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::FromRawFd as _;

use nix::libc;

// Constants of `linux/perf_event.h`, which the libc crate lacks.
const PERF_TYPE_HARDWARE: u32 = 0;
const PERF_COUNT_HW_INSTRUCTIONS: u64 = 1;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;

const EXCLUDE_USER: u64 = 1 << 4;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;

/// `perf_event_attr` in its first version (`PERF_ATTR_SIZE_VER0`), which every kernel accepts.
#[repr(C)]
#[derive(Default)]
struct PerfEventAttr {
    kind: u32,
    size: u32,
    config: u64,
    sample: [u64; 3],
    flags: u64,
    breakpoint: [u64; 2],
}

/// Counts the kernel's instructions for the thread that opened the counter.
pub(crate) struct Counter(File);

impl Counter {
    /// `None` if the machine has no such counter or denies access.
    pub(crate) fn open() -> Option<Self> {
        let attr = PerfEventAttr {
            kind: PERF_TYPE_HARDWARE,
            size: u32::try_from(size_of::<PerfEventAttr>()).unwrap(),
            config: PERF_COUNT_HW_INSTRUCTIONS,
            flags: EXCLUDE_USER | EXCLUDE_HYPERVISOR,
            ..PerfEventAttr::default()
        };
        // This thread, any CPU, no group.
        let (thread, cpu, group, flags) = (0, -1, -1, PERF_FLAG_FD_CLOEXEC);
        // SAFETY: `attr` outlives the call and has its own size.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attr,
                thread,
                cpu,
                group,
                flags,
            )
        };
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
        // SAFETY: the kernel has just created this descriptor, which has no other owner.
        Some(Self(unsafe { File::from_raw_fd(fd) }))
    }

    /// Instructions counted so far.
    pub(crate) fn read(&self) -> f64 {
        let mut count = [0; 8];
        (&self.0).read_exact(&mut count).unwrap();
        #[allow(clippy::cast_precision_loss)]
        let count = u64::from_ne_bytes(count) as f64;
        count
    }
}
