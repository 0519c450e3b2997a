//! The daemon as a process: what it uses, and its pid file.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fmt, process};

use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};

use crate::kernel::descriptors;
use crate::metrics::{Kind, head, sample};
use crate::utc::Utc;

/// When the process began, and its number.
#[derive(Debug)]
pub struct Birth {
    since: Duration,
    /// The process id.
    pub pid: u32,
}

impl Birth {
    /// Now.
    pub fn now() -> Self {
        Self {
            since: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            pid: process::id(),
        }
    }

    /// When that was.
    pub const fn at(&self) -> Utc {
        Utc(self.since.as_secs())
    }

    /// Writes the metrics that Prometheus knows of every process.
    ///
    /// # Errors
    /// When the text is full.
    pub fn metrics(&self, text: &mut impl fmt::Write) -> fmt::Result {
        let resident = "process_resident_memory_bytes";
        head(
            text,
            resident,
            Kind::Gauge,
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
            Kind::Counter,
            "CPU time of the daemon in seconds.",
        )?;
        sample(text, cpu, &[], Seconds(used))?;
        let start = "process_start_time_seconds";
        head(
            text,
            start,
            Kind::Gauge,
            "When the daemon started, in seconds since 1970.",
        )?;
        sample(text, start, &[], Seconds(self.since))?;
        head(
            text,
            "process_open_fds",
            Kind::Gauge,
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

/// Seconds and milliseconds, without floating point.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0.as_secs(), self.0.subsec_millis())
    }
}

fn resident_bytes() -> Option<u64> {
    let mut text = [0; 128];
    let length = File::open("/proc/self/statm").ok()?.read(&mut text).ok()?;
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let size = u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok()??).ok()?;
    pages.checked_mul(size)
}

/// A file with the daemon's process id, removed on drop.
#[derive(Debug)]
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the file.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        // From here on it is ours, and one that is not whole is removed.
        let written = Self(path.to_owned());
        file.write_all(format!("{}\n", process::id()).as_bytes())?;
        Ok(written)
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Someone else may have removed it; that is what was wanted.
        let _ = fs::remove_file(&self.0);
    }
}
