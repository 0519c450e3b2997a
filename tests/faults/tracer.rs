//! strace: records system calls, and makes calls fail.
//!
//! strace counts the calls of each thread separately, from the start of tracing. So it traces one process at a time,
//! from its first call ([`around`]) or from an idle moment ([`Strace::attach`]), and call number n of a recording is
//! call number n of a run with a fault. Threads and children are traced only where the faults are meant for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::calls::{files, lines};
use crate::cases::Case;
use support::net::lives;
use support::wait::{PATIENCE, wait_for, wait_until};

/// The time for strace to detach.
const GRACE: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The task of strace.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task<'a> {
    /// Records every call.
    Record,
    /// Makes one call fail. strace replaces it by call number -1, for which seccomp would kill a worker; `within_cage`
    /// replaces it with a call of the worker's list.
    Fail { case: &'a Case, within_cage: bool },
    /// Stops each new process before the first call of its program.
    StopAtExec,
}

impl<'a> Task<'a> {
    /// Makes a call of the daemon or its keeper fail.
    pub(crate) fn fail(case: &'a Case) -> Self {
        Self::Fail {
            case,
            within_cage: false,
        }
    }

    fn options(self) -> Vec<String> {
        let (traced, injected) = match self {
            Self::Record => return vec!["-e".into(), "trace=all".into()],
            Self::StopAtExec => ("execve", "execve:signal=SIGSTOP:when=1".to_owned()),
            Self::Fail { case, within_cage } => {
                let Case { call, errno } = case;
                let (name, nth) = (&call.name, call.nth);
                let mut injected = format!("{name}:error={errno:?}:when={nth}");
                if within_cage {
                    injected += ":syscall=gettid";
                }
                (name.as_str(), injected)
            }
        };
        let mut options = vec!["-e".to_owned(), format!("trace={traced}")];
        options.extend(["-e".to_owned(), format!("inject={injected}")]);
        options
    }
}

fn strace(task: Task<'_>, file: &Path) -> Command {
    let mut command = Command::new("strace");
    // `-I2` lets signals interrupt strace although it writes to a file.
    command.args(["-q", "-I2", "-o"]).arg(file);
    command.args(task.options());
    command
}

/// The command under strace. With `-D` the started process is the command's.
pub(crate) fn around(command: &Command, task: Task<'_>, file: &Path) -> Command {
    let mut strace = strace(task, file);
    if matches!(task, Task::StopAtExec) {
        strace.arg("-f");
    }
    strace.args(["-D", "--"]);
    strace.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        strace.env(name, value.unwrap_or_default());
    }
    if let Some(folder) = command.get_current_dir() {
        strace.current_dir(folder);
    }
    strace
}

/// Detaches the strace of [`around`] from all its processes, of which `pid` is one.
pub(crate) fn detach_tracer(pid: u32) {
    let tracer = tracers(pid).into_iter().find(|by| *by != 0);
    let tracer = tracer.expect("the process is traced");
    kill(Pid::from_raw(tracer.cast_signed()), Signal::SIGTERM).unwrap();
    wait_for("whether strace lives", &false, || lives(tracer));
}

/// A strace attached to a running process. Dropping it detaches strace.
pub(crate) struct Strace {
    child: Child,
    file: PathBuf,
}

impl Strace {
    /// Attaches strace to a process with all its threads and, with `follow`, its future children.
    pub(crate) fn attach(pid: u32, follow: bool, task: Task<'_>, file: &Path) -> Self {
        for old in files(file) {
            fs::remove_file(old).unwrap();
        }
        let mut command = strace(task, file);
        if follow {
            command.arg("-ff");
        }
        command.arg("-p").arg(pid.to_string());
        let child = command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("strace runs; install strace");
        let mut strace = Self {
            child,
            file: file.to_owned(),
        };
        let id = strace.child.id();
        wait_until("strace attaches", || {
            if strace.has_ended() {
                // The interrupted call is restarted, and its failure may have ended the process.
                assert!(injected(&files(file)), "strace may not trace {pid}");
                return Some(());
            }
            tracers(pid).iter().all(|by| *by == id).then_some(())
        });
        strace
    }

    /// True if the call was made to fail.
    pub(crate) fn has_injected(&self) -> bool {
        injected(&files(&self.file))
    }

    /// Detaches from the process, and returns the output files.
    pub(crate) fn detach(mut self) -> Vec<PathBuf> {
        self.end();
        files(&self.file)
    }

    fn has_ended(&mut self) -> bool {
        !self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    fn end(&mut self) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        // strace 6.1 may wait forever if a thread is killed while strace detaches.
        for (signal, patience) in [(Signal::SIGTERM, GRACE), (Signal::SIGKILL, PATIENCE)] {
            if self.has_ended() {
                return;
            }
            let _ = kill(pid, signal);
            let begin = Instant::now();
            while begin.elapsed() < patience && !self.has_ended() {
                sleep(LOOK_EVERY);
            }
        }
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        self.end();
    }
}

/// True if strace has made a call fail.
pub(crate) fn injected(files: &[PathBuf]) -> bool {
    let mut lines = files.iter().flat_map(|file| lines(file));
    lines.any(|line| line.contains("(INJECTED)"))
}

/// The tracer of each thread of a process; 0 if there is none.
fn tracers(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let by = |status: String| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"))?;
        line.trim().parse().ok()
    };
    let statuses = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    statuses.filter_map(by).collect()
}
