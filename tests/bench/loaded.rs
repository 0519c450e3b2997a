//! The memory of a daemon while it loads a list, and of its maps.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// The pause between two looks. The kernel keeps a peak of all resident memory only, mapped kernel maps included.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// Watches the private memory of a process.
pub(crate) struct Memory {
    is_over: Arc<AtomicBool>,
    watcher: JoinHandle<u64>,
}

impl Memory {
    pub(crate) fn watch(pid: u32) -> Self {
        // 5 resets VmHWM.
        fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let watcher = spawn(move || {
            let mut peak = 0;
            while !over.load(Ordering::Relaxed) {
                peak = peak.max(private_memory(pid));
                sleep(LOOK_EVERY);
            }
            peak
        });
        Self { is_over, watcher }
    }

    /// The highest memory seen, in bytes.
    pub(crate) fn peak(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.watcher.join().unwrap()
    }
}

/// A line of /proc/PID/status, in bytes; `None` if the process has none.
pub(crate) fn status(pid: u32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// The resident memory of a process that no file and no map backs.
pub(crate) fn private_memory(pid: u32) -> u64 {
    status(pid, "RssAnon").unwrap()
}

/// The kernel memory of all maps that a process holds.
pub(crate) fn kernel_memory(pid: u32) -> u64 {
    let mut maps = BTreeMap::new();
    for file in fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap_or_default();
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map(|line| line.trim().parse::<u64>().unwrap())
        };
        if let Some((id, bytes)) = number("map_id:").zip(number("memlock:")) {
            maps.insert(id, bytes);
        }
    }
    maps.values().sum()
}
