//! `corexdp capture`: sampled packets with their verdicts, as lines of text or as a pcapng file.

mod clock;
mod line;
mod options;
mod output;
mod pcapng;
mod recorder;

use std::fmt::{self, Display};
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use crate::base::exit;
use crate::control::client;
use crate::control::client::samples::Samples;
use crate::kernel::describe;
use crate::kernel::process::STOP;
use crate::kernel::signals;
use clock::Clock;
pub use options::{Options, RATE, verdicts};
use output::{Output, Written};
use recorder::Recorder;

/// Longest sleep. The reader of the output may close its end meanwhile.
const PERIOD: Duration = Duration::from_secs(1);
/// The file name that means standard output.
const STDOUT: &str = "-";

/// Error of `capture`.
#[derive(Debug)]
pub enum Error {
    /// The request to the daemon failed.
    Request(client::Error),
    /// The file, or standard output, cannot be written.
    Output(PathBuf, io::Error),
    /// Standard output is a terminal, and the output is not text.
    Terminal,
    /// Failure of a system call.
    System(Errno),
}

impl Error {
    /// Exit code.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Request(error) => error.code(),
            Self::Terminal => exit::USAGE,
            Self::Output(..) | Self::System(_) => exit::SYSTEM,
        }
    }

    /// True if the daemon's messages already reported the error.
    pub const fn is_reported(&self) -> bool {
        matches!(self, Self::Request(error) if error.is_reported())
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Output(path, error) if error.raw_os_error() == Some(Errno::ELOOP as i32) => {
                let path = path.display();
                write!(f, "{path}: is a symbolic link; name the file itself")
            }
            Self::Output(path, error) if error.raw_os_error() == Some(Errno::ENXIO as i32) => {
                let path = path.display();
                write!(
                    f,
                    "{path}: no process reads this pipe; start its reader first"
                )
            }
            Self::Output(path, error) if path.as_os_str() == STDOUT => {
                write!(f, "standard output: {error}")
            }
            Self::Output(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Terminal => f.write_str(
                "standard output is a terminal; name a file, or pipe into `tshark -r -`",
            ),
            Self::System(errno) => f.write_str(describe(*errno)),
        }
    }
}

impl std::error::Error for Error {}

/// A running capture.
struct Capture {
    samples: Samples,
    recorder: Recorder,
    output: Output,
    /// Name of the output in errors.
    path: PathBuf,
    /// Readable after a signal to stop.
    stop: SignalFd,
    clock: Clock,
}

/// Captures packets until a signal or an option ends the capture. Passes the closing line to `report`, also before an
/// error.
///
/// # Errors
/// See [`Error`].
pub fn run(options: &Options, report: &mut dyn FnMut(&dyn Display)) -> Result<(), Error> {
    let end = options
        .time
        .and_then(|time| Instant::now().checked_add(time));
    let mut capture = Capture::start(options)?;
    let captured = capture.run(options.count.map(u64::from), end);
    // The daemon may have gone.
    let lost = capture.samples.lost().unwrap_or_default();
    let ended = captured.and_then(|written| match written {
        Written::All => {
            capture.recorder.end(lost, capture.clock.now());
            capture.write().map(drop)
        }
        Written::Stopped => Ok(()),
    });
    report(&capture.recorder.summary(lost));
    ended
}

impl Capture {
    fn start(options: &Options) -> Result<Self, Error> {
        let is_stdout = |path: &Path| path.as_os_str() == STDOUT;
        let file = options.file.as_deref();
        if file.is_some_and(is_stdout) && io::stdout().is_terminal() {
            return Err(Error::Terminal);
        }
        let stop = signals::catch(&STOP).map_err(Error::System)?;
        // A file at its size limit is an error of the write.
        signals::block(&[Signal::SIGXFSZ]).map_err(Error::System)?;
        let samples = Samples::open(&options.control, options.request.clone());
        let samples = samples.map_err(Error::Request)?;
        let path = file.unwrap_or(Path::new(STDOUT));
        let output = if is_stdout(path) {
            Output::stdout()
        } else {
            Output::create(path)
        };
        Ok(Self {
            samples,
            recorder: file.map_or_else(Recorder::text, |_| Recorder::pcapng()),
            output: output.map_err(|error| Error::Output(path.into(), error))?,
            path: path.into(),
            stop,
            clock: Clock::default(),
        })
    }

    /// Captures until `count` packets are captured, or until `end`.
    fn run(&mut self, count: Option<u64>, end: Option<Instant>) -> Result<Written, Error> {
        loop {
            self.clock.update();
            self.read(count)?;
            let is_last = count.is_some_and(|count| self.recorder.captured >= count)
                || end.is_some_and(|end| end <= Instant::now());
            let written = self.write()?;
            if is_last || written == Written::Stopped {
                return Ok(written);
            }
            let next = Instant::now() + PERIOD;
            let until = end.map_or(next, |end| end.min(next));
            let stop = Some(self.stop.as_fd());
            let is_stopped = self.samples.wait(until, stop).map_err(Error::System)?;
            if is_stopped {
                self.read(count)?;
                return self.write();
            }
            if self.output.is_closed() {
                return Ok(Written::Stopped);
            }
        }
    }

    /// Records the samples that have arrived, up to `count`.
    fn read(&mut self, count: Option<u64>) -> Result<(), Error> {
        let (recorder, clock) = (&mut self.recorder, &self.clock);
        let read = self.samples.read(&mut |stage, sample| {
            if count.is_none_or(|count| recorder.captured < count) {
                recorder.add(sample, stage, clock.since_1970(sample.time));
            }
        });
        read.map_err(Error::Request)
    }

    fn write(&mut self) -> Result<Written, Error> {
        let written = self
            .output
            .write(&mut self.recorder.bytes, self.stop.as_fd());
        written.map_err(|error| Error::Output(self.path.clone(), error))
    }
}
