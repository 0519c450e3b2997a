//! A control group with a memory limit: a box with little memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;

use crate::wait::wait_until;

/// A memory control group, version 1 or 2. Dropping it removes it; its processes must have ended.
pub struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// Creates a group that may use `limit` bytes, page cache included.
    ///
    /// # Panics
    /// Panics on a machine without memory control groups.
    pub fn new(limit: u64) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let old = Path::new("/sys/fs/cgroup/memory");
        let (root, file) = if old.is_dir() {
            (old, "memory.limit_in_bytes")
        } else {
            let root = Path::new("/sys/fs/cgroup");
            // Fails if the controller is enabled already. If the machine has no such controller, setting the limit
            // fails below.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+memory");
            (root, "memory.max")
        };
        let group = root.join(format!("corexdp-test-{}-{number}", std::process::id()));
        fs::create_dir(&group).unwrap_or_else(|error| panic!("{}: {error}", group.display()));
        let group = Self(group);
        fs::write(group.0.join(file), limit.to_string()).expect("the machine limits memory");
        group
    }

    /// The command, wrapped to run in the group.
    pub fn command(&self, command: &Command) -> Command {
        let mut inside = Command::new("sh");
        inside.args(["-c", "echo $$ >\"$0\" && exec \"$@\""]);
        inside.arg(self.0.join("cgroup.procs"));
        inside.arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        inside
    }

    /// Number of processes of the group that the OOM killer has killed.
    pub fn killed(&self) -> u64 {
        let events = ["memory.oom_control", "memory.events"];
        let text = events
            .iter()
            .find_map(|name| fs::read_to_string(self.0.join(name)).ok());
        let text = text.expect("the group has a file of events");
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.strip_prefix("oom_kill "));
        count
            .expect("the file of events counts kills")
            .parse()
            .unwrap()
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // A process leaves its group a moment after its end.
        let removed = wait_until("the group is empty", || match fs::remove_dir(&self.0) {
            Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => None,
            other => Some(other),
        });
        if let Err(error) = removed {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}
