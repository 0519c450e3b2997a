//! strace: what the processes ask of the kernel, and calls that fail instead of being made.
//!
//! strace counts the occurrences of a call for each thread by itself, from where its tracing began. So it traces one
//! process at a time, from its first call on ([`around`]) or from a quiet moment ([`Strace::attach`]), and the n-th call
//! in a recording is the n-th in a run with a fault. Threads and children are followed only where they are what the
//! faults are for.

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

/// The time for strace to let go.
const GRACE: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The task of strace.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish<'a> {
    /// To write down every call.
    Record,
    /// To make one call fail. In its place number -1 is called, and for that the kernel would end a worker, which may
    /// make the calls of its list alone; so `within_cage` it is one from that list.
    Fail { case: &'a Case, within_cage: bool },
    /// To stop each process that is begun, before the first call of its program.
    StopAtBirth,
}

impl<'a> Wish<'a> {
    /// One call of the daemon or its keeper.
    pub(crate) fn fail(case: &'a Case) -> Self {
        Self::Fail {
            case,
            within_cage: false,
        }
    }

    fn options(self) -> Vec<String> {
        let (traced, injected) = match self {
            Self::Record => return vec!["-e".into(), "trace=all".into()],
            Self::StopAtBirth => ("execve", "execve:signal=SIGSTOP:when=1".to_owned()),
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

fn strace(wish: Wish<'_>, file: &Path) -> Command {
    let mut command = Command::new("strace");
    // It can be told to let go, although it writes to a file.
    command.args(["-q", "-I2", "-o"]).arg(file);
    command.args(wish.options());
    command
}

/// The command under strace, which is not seen: the process that is started is the command's.
pub(crate) fn around(command: &Command, wish: Wish<'_>, file: &Path) -> Command {
    let mut strace = strace(wish, file);
    if matches!(wish, Wish::StopAtBirth) {
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

/// Has the strace that [`around`] put there let go of all it traces, of which this is one.
pub(crate) fn let_go(pid: u32) {
    let tracer = tracers(pid).into_iter().find(|by| *by != 0);
    let tracer = tracer.expect("it is traced");
    kill(Pid::from_raw(tracer.cast_signed()), Signal::SIGTERM).unwrap();
    wait_for("whether strace lives", &false, || lives(tracer));
}

/// A strace beside a process that ran before; dropping it lets go of that.
pub(crate) struct Strace {
    child: Child,
    file: PathBuf,
}

impl Strace {
    /// Begins to trace a process, all its threads, and, if it is to `follow`, its children.
    pub(crate) fn attach(pid: u32, follow: bool, wish: Wish<'_>, file: &Path) -> Self {
        for old in files(file) {
            fs::remove_file(old).unwrap();
        }
        let mut command = strace(wish, file);
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
                // A call that was waited in is made again, and may have been the end of the process.
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

    /// Lets go of the process; the files in which strace wrote.
    pub(crate) fn detach(mut self) -> Vec<PathBuf> {
        self.end();
        files(&self.file)
    }

    fn has_ended(&mut self) -> bool {
        !self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    fn end(&mut self) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        // Where a thread is killed while strace lets go, strace 6.1 may wait for that for ever.
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

/// True if strace wrote that it made a call fail.
pub(crate) fn injected(files: &[PathBuf]) -> bool {
    let mut lines = files.iter().flat_map(|file| lines(file));
    lines.any(|line| line.contains("(INJECTED)"))
}

/// The tracer of each thread of a process; 0 is none.
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
