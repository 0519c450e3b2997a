//! Process metrics of the daemon: start time, memory, CPU time and descriptors.

use std::fs::File;
use std::io::Read as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fmt, process};

use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};

use crate::base::utc::Utc;
use crate::config::MetricKind;
use crate::kernel::descriptors;
use crate::views::prometheus::{head, sample};

/// Start time and id of the process.
#[derive(Debug)]
pub struct ProcessStart {
    /// Start time since 1970.
    since_epoch: Duration,
    /// Process id.
    pub pid: u32,
}

impl ProcessStart {
    /// The start of this process, approximated by the time of this call.
    pub fn now() -> Self {
        Self {
            since_epoch: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            pid: process::id(),
        }
    }

    /// Start time.
    pub const fn at(&self) -> Utc {
        Utc(self.since_epoch.as_secs())
    }

    /// Writes the standard process metrics of Prometheus clients.
    ///
    /// # Errors
    /// When the text is full.
    pub fn metrics(&self, text: &mut impl fmt::Write) -> fmt::Result {
        let resident = "process_resident_memory_bytes";
        head(
            text,
            resident,
            MetricKind::Gauge,
            "Resident memory of the daemon in bytes.",
        )?;
        sample(text, resident, &[], resident_bytes().unwrap_or_default())?;
        let cpu = "process_cpu_seconds_total";
        let used = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)
            .map(Duration::from)
            .unwrap_or_default();
        head(
            text,
            cpu,
            MetricKind::Counter,
            "CPU time of the daemon in seconds.",
        )?;
        sample(text, cpu, &[], Seconds(used))?;
        let start = "process_start_time_seconds";
        head(
            text,
            start,
            MetricKind::Gauge,
            "Start time of the daemon in seconds since 1970.",
        )?;
        sample(text, start, &[], Seconds(self.since_epoch))?;
        head(
            text,
            "process_open_fds",
            MetricKind::Gauge,
            "Open descriptors of the daemon.",
        )?;
        sample(
            text,
            "process_open_fds",
            &[],
            descriptors::count().unwrap_or_default(),
        )
    }
}

/// Seconds with three decimals, without floating point.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0.as_secs(), self.0.subsec_millis())
    }
}

/// Resident memory in bytes: the second field of `statm`, in pages.
fn resident_bytes() -> Option<u64> {
    let mut text = [0; 128];
    let length = File::open("/proc/self/statm").ok()?.read(&mut text).ok()?;
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let size = u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok()??).ok()?;
    pages.checked_mul(size)
}
