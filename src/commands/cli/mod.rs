//! Parses the command line.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::control::{DEFAULT_PATH, Request};
use crate::http::keeper::KEEPER;
use crate::plan::Source;

mod arguments;

use arguments::Arguments;

/// The output of `--help`.
pub const HELP: &str = "\
corexdp puts an XDP packet filter in front of a DNS server, as its Corefile says.

usage:
  corexdp [run]   [-conf FILE] [--confirm DURATION] [--log stderr|syslog]
                  [--control PATH] [--pidfile FILE] [-quiet]
  corexdp check   [-conf FILE] [--json]   validate the Corefile and its objects
  corexdp expand  [-conf FILE]            print the parsed Corefile as JSON
  corexdp inspect PROGRAM [--json]        show the programs and maps of an object
  corexdp status  [--json] [--measure DURATION]
                                          show the state of the daemon
  corexdp dump    [--json]                print all entries of the daemon's maps
  corexdp reload  [--confirm DURATION]    read the Corefile again
  corexdp confirm                         keep the unconfirmed configuration
  corexdp --version | --help

  -conf FILE      the Corefile; `stdin` reads standard input
                  (default ./Corefile, then /etc/corexdp/Corefile)
  --log WHERE     stderr, or syslog over /dev/log
                  (default syslog if standard error is not a terminal and
                  /dev/log exists)
  --pidfile FILE  write the process id here once attached
  --control PATH  the daemon's socket for status, dump, reload and confirm
                  (default /run/corexdp.sock)
  --confirm TIME  roll back unless `corexdp confirm` follows within TIME,
                  such as 60s
  --measure TIME  count and time the runs of the programs for TIME
  -quiet          log nothing

exit codes: 0 done, 64 usage, 65 object unusable, 66 file missing,
69 interface or daemon unavailable, 71 system error, 77 not permitted,
78 Corefile wrong
";

/// The options of each command.
const OPTIONS: [(&str, &[&str]); 9] = [
    (
        "run",
        &["conf", "log", "pidfile", "control", "confirm", "quiet"],
    ),
    ("check", &["conf", "json"]),
    ("expand", &["conf"]),
    ("inspect", &["json"]),
    ("status", &["control", "json", "measure"]),
    ("dump", &["control", "json"]),
    ("reload", &["control", "confirm"]),
    ("confirm", &["control"]),
    (KEEPER, &[]),
];

/// A parsed command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Runs the daemon.
    Run {
        /// The Corefile.
        source: Option<Source>,
        /// The destination of messages; `None`: the default.
        log: Option<LogTarget>,
        /// The pid file.
        pidfile: Option<PathBuf>,
        /// The control socket; `None`: the default path, if it can be created.
        control: Option<PathBuf>,
        /// Time until an unconfirmed configuration is rolled back.
        confirm: Option<Duration>,
    },
    /// Sends a request to the daemon.
    Send {
        /// The control socket.
        control: PathBuf,
        /// The request.
        request: Request,
    },
    /// Shows the state of the daemon.
    Status {
        /// The control socket.
        control: PathBuf,
        /// Print JSON.
        json: bool,
        /// Time to count program runs.
        measure: Option<Duration>,
    },
    /// Shows every entry of the daemon's maps.
    Dump {
        /// The control socket.
        control: PathBuf,
        /// Print JSON.
        json: bool,
    },
    /// Validates a Corefile.
    Check {
        /// The Corefile.
        source: Option<Source>,
        /// Print JSON.
        json: bool,
    },
    /// Shows the Corefile as parsed.
    Expand {
        /// The Corefile.
        source: Option<Source>,
    },
    /// Shows the content of an object.
    Inspect {
        /// The object file.
        program: PathBuf,
        /// Print JSON.
        json: bool,
    },
    /// Shows the version.
    Version,
    /// Shows the usage.
    Help,
    /// Runs the keeper of the page's workers; internal.
    Keeper,
}

/// The destination of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard error.
    Stderr,
    /// Syslog.
    Syslog,
    /// Messages are discarded.
    Quiet,
}

/// An error of the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corexdp: {}; see corexdp --help", self.0)
    }
}

impl std::error::Error for Usage {}

/// Parses the arguments that follow the program's name.
///
/// # Errors
/// When an argument is unknown, missing or invalid.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Usage> {
    let parsed = Arguments::read(arguments)?;
    if parsed.has("help") || parsed.has("h") {
        return Ok(Command::Help);
    }
    if parsed.has("version") {
        return Ok(Command::Version);
    }
    let words: Vec<&str> = parsed.words.iter().map(String::as_str).collect();
    let (name, more) = words.split_first().unwrap_or((&"run", &[]));
    let Some((_, options)) = OPTIONS.iter().find(|(command, _)| command == name) else {
        return Err(Usage(format!("unknown command {name:?}")));
    };
    let (program, more) = match more.split_first() {
        Some((program, more)) if *name == "inspect" => (Some(*program), more),
        _ => (None, more),
    };
    if let Some(word) = more.first() {
        return Err(Usage(format!("unexpected {word:?}")));
    }
    parsed.check_options(name, options)?;
    let (source, json) = (source(&parsed), parsed.has("json"));
    match *name {
        "check" => Ok(Command::Check { source, json }),
        "expand" => Ok(Command::Expand { source }),
        "inspect" => match program {
            Some(program) => Ok(Command::Inspect {
                program: program.into(),
                json,
            }),
            None => Err(Usage("inspect needs an object file".into())),
        },
        "status" => Ok(Command::Status {
            control: control(&parsed),
            json,
            measure: parsed.duration("measure")?,
        }),
        "dump" => Ok(Command::Dump {
            control: control(&parsed),
            json,
        }),
        "reload" => Ok(send(&parsed, Request::Reload(parsed.duration("confirm")?))),
        "confirm" => Ok(send(&parsed, Request::Confirm)),
        KEEPER => Ok(Command::Keeper),
        _ => run(&parsed, source),
    }
}

fn source(parsed: &Arguments) -> Option<Source> {
    parsed.value("conf").map(|conf| match conf {
        "stdin" => Source::Stdin,
        path => Source::File(path.into()),
    })
}

fn run(parsed: &Arguments, source: Option<Source>) -> Result<Command, Usage> {
    let log = match parsed.value("log") {
        _ if parsed.has("quiet") => Some(LogTarget::Quiet),
        None => None,
        Some("stderr") => Some(LogTarget::Stderr),
        Some("syslog") => Some(LogTarget::Syslog),
        Some(other) => {
            let message = format!("--log {other:?} is unknown; use stderr or syslog");
            return Err(Usage(message));
        }
    };
    Ok(Command::Run {
        source,
        log,
        pidfile: parsed.value("pidfile").map(PathBuf::from),
        control: parsed.value("control").map(PathBuf::from),
        confirm: parsed.duration("confirm")?,
    })
}

fn send(parsed: &Arguments, request: Request) -> Command {
    let control = control(parsed);
    Command::Send { control, request }
}

fn control(parsed: &Arguments) -> PathBuf {
    parsed.value("control").unwrap_or(DEFAULT_PATH).into()
}

#[cfg(test)]
mod tests;
