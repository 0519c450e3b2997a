//! Commands and options.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::control::{DEFAULT_PATH, Request};
use crate::http::keeper::KEEPER;
use crate::plan::Source;

mod arguments;

use arguments::Given;

/// What `--help` prints.
pub const HELP: &str = "\
corexdp puts an XDP packet filter in front of a DNS server, as its Corefile says.

usage:
  corexdp [run]   [-conf FILE] [--confirm DURATION] [--log stderr|syslog]
                  [--control PATH] [--pidfile FILE] [-quiet]
  corexdp check   [-conf FILE] [--json]   validate the Corefile and its objects
  corexdp expand  [-conf FILE]            the Corefile as parsed, as JSON
  corexdp inspect PROGRAM [--json]        what an object file holds
  corexdp status  [--json] [--measure DURATION]
                                          what the running daemon does
  corexdp dump    [--json]                every entry of the running maps
  corexdp reload  [--confirm DURATION]    read the Corefile again
  corexdp confirm                         keep what waits to be confirmed
  corexdp --version | --help

  -conf FILE      the Corefile; `stdin` reads standard input
                  (default ./Corefile, then /etc/corexdp/Corefile)
  --log WHERE     stderr, or syslog by /dev/log
                  (default syslog when standard error is no terminal and
                  /dev/log exists)
  --pidfile FILE  write the process id here once attached
  --control PATH  where the daemon listens for status, dump, reload and
                  confirm (default /run/corexdp.sock)
  --confirm TIME  undo it all unless `corexdp confirm` comes within TIME,
                  such as 60s
  --measure TIME  let the kernel count that long how often the programs run
  -quiet          log nothing

exit codes: 0 done, 64 usage, 65 object unusable, 66 file missing,
69 interface or daemon unavailable, 71 system error, 77 not permitted,
78 Corefile wrong
";

/// The commands, and which options each has.
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

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Filter until told to stop.
    Run {
        /// The Corefile.
        source: Option<Source>,
        /// Where messages go; `None`: wherever is usual.
        log: Option<Target>,
        /// Where to write the process id.
        pidfile: Option<PathBuf>,
        /// Where to listen for the commands below; `None`: wherever is usual, if that can be.
        control: Option<PathBuf>,
        /// How long to wait to be confirmed.
        confirm: Option<Duration>,
    },
    /// Ask the daemon that listens there.
    Ask {
        /// Where.
        control: PathBuf,
        /// For what.
        request: Request,
    },
    /// Show what the daemon does that listens there.
    Status {
        /// Where.
        control: PathBuf,
        /// As JSON.
        json: bool,
        /// How long to count runs.
        measure: Option<Duration>,
    },
    /// Show every entry of its maps.
    Dump {
        /// Where.
        control: PathBuf,
        /// As JSON.
        json: bool,
    },
    /// Validate.
    Check {
        /// The Corefile.
        source: Option<Source>,
        /// As JSON.
        json: bool,
    },
    /// Show the Corefile as parsed.
    Expand {
        /// The Corefile.
        source: Option<Source>,
    },
    /// Show what an object holds.
    Inspect {
        /// The object file.
        program: PathBuf,
        /// As JSON.
        json: bool,
    },
    /// Show the version.
    Version,
    /// Show how it is used.
    Help,
    /// Be the keeper of the page's workers. Not for people.
    Keeper,
}

/// Where messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard error.
    Stderr,
    /// The system's log.
    Syslog,
    /// Nowhere.
    Nowhere,
}

/// What is wrong with the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corexdp: {}; see corexdp --help", self.0)
    }
}

impl std::error::Error for Usage {}

/// Reads the arguments, the program's name left out.
///
/// # Errors
/// When they make no sense.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Usage> {
    let given = Given::read(arguments)?;
    if given.has("help") || given.has("h") {
        return Ok(Command::Help);
    }
    if given.has("version") {
        return Ok(Command::Version);
    }
    let words: Vec<&str> = given.words.iter().map(String::as_str).collect();
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
    given.only(name, options)?;
    let (source, json) = (source(&given), given.has("json"));
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
            control: control(&given),
            json,
            measure: given.duration("measure")?,
        }),
        "dump" => Ok(Command::Dump {
            control: control(&given),
            json,
        }),
        "reload" => Ok(ask(&given, Request::Reload(given.duration("confirm")?))),
        "confirm" => Ok(ask(&given, Request::Confirm)),
        KEEPER => Ok(Command::Keeper),
        _ => run(&given, source),
    }
}

fn source(given: &Given) -> Option<Source> {
    given.value("conf").map(|conf| match conf {
        "stdin" => Source::Stdin,
        path => Source::File(path.into()),
    })
}

fn run(given: &Given, source: Option<Source>) -> Result<Command, Usage> {
    let log = match given.value("log") {
        _ if given.has("quiet") => Some(Target::Nowhere),
        None => None,
        Some("stderr") => Some(Target::Stderr),
        Some("syslog") => Some(Target::Syslog),
        Some(other) => {
            let what = format!("--log {other:?}: there are stderr and syslog");
            return Err(Usage(what));
        }
    };
    Ok(Command::Run {
        source,
        log,
        pidfile: given.value("pidfile").map(PathBuf::from),
        control: given.value("control").map(PathBuf::from),
        confirm: given.duration("confirm")?,
    })
}

fn ask(given: &Given, request: Request) -> Command {
    let control = control(given);
    Command::Ask { control, request }
}

fn control(given: &Given) -> PathBuf {
    given.value("control").unwrap_or(DEFAULT_PATH).into()
}

#[cfg(test)]
mod tests;
