//! Commands and options.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::page::keeper::KEEPER;
use crate::plan::Source;

/// What `--help` prints.
pub const HELP: &str = "\
corexdp puts an XDP packet filter in front of a DNS server, as its Corefile says.

usage:
  corexdp [run]  [-conf FILE] [--log stderr|syslog] [--pidfile FILE] [-quiet]
  corexdp check  [-conf FILE] [--json]   validate the Corefile and its objects
  corexdp expand [-conf FILE]            the Corefile as parsed, as JSON
  corexdp --version | --help

  -conf FILE      the Corefile; `stdin` reads standard input
                  (default ./Corefile, then /etc/corexdp/Corefile)
  --log WHERE     stderr, or syslog by /dev/log
                  (default syslog when standard error is no terminal and
                  /dev/log exists)
  --pidfile FILE  write the process id here once attached
  -quiet          log nothing

exit codes: 0 done, 64 usage, 65 object unusable, 66 file missing,
69 interface unavailable, 71 system error, 77 not permitted, 78 Corefile wrong
";

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

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are what was typed")]
struct Given {
    words: Vec<String>,
    conf: Option<String>,
    log: Option<String>,
    pidfile: Option<String>,
    /// Accepted so that scripts written for later versions run; there is no control socket yet.
    control: Option<String>,
    json: bool,
    quiet: bool,
    version: bool,
    help: bool,
}

/// Reads the arguments, the program's name left out.
///
/// # Errors
/// When they make no sense.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Usage> {
    let given = read(arguments)?;
    if given.help {
        return Ok(Command::Help);
    }
    if given.version {
        return Ok(Command::Version);
    }
    let words: Vec<&str> = given.words.iter().map(String::as_str).collect();
    let command = match words.as_slice() {
        [] | ["run"] => return given.run(),
        ["check"] => Command::Check {
            source: given.source(),
            json: given.json,
        },
        ["expand"] => Command::Expand {
            source: given.source(),
        },
        [KEEPER] => Command::Keeper,
        ["run" | "check" | "expand", more, ..] => {
            return Err(Usage(format!("unexpected {more:?}")));
        }
        [other, ..] => return Err(Usage(format!("unknown command {other:?}"))),
    };
    let foreign = [
        ("--log", given.log.is_some()),
        ("--pidfile", given.pidfile.is_some()),
        ("--control", given.control.is_some()),
        (
            "--json",
            given.json && !matches!(command, Command::Check { .. }),
        ),
    ];
    match foreign.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Usage(format!(
            "{option} is no option of {}",
            words.join(" ")
        ))),
        None => Ok(command),
    }
}

fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Given, Usage> {
    let mut given = Given::default();
    let mut arguments = arguments.into_iter().map(|argument| {
        argument
            .into_string()
            .map_err(|bad| Usage(format!("{} is no UTF-8", bad.to_string_lossy())))
    });
    while let Some(argument) = arguments.next().transpose()? {
        let Some(name) = argument
            .strip_prefix("--")
            .or_else(|| argument.strip_prefix('-'))
        else {
            given.words.push(argument);
            continue;
        };
        let (name, inline) = name
            .split_once('=')
            .map_or((name, None), |(name, value)| (name, Some(value.to_owned())));
        let (flag, slot) = match name {
            "json" => (Some(&mut given.json), None),
            "quiet" => (Some(&mut given.quiet), None),
            "version" => (Some(&mut given.version), None),
            "help" | "h" => (Some(&mut given.help), None),
            "conf" => (None, Some(&mut given.conf)),
            "log" => (None, Some(&mut given.log)),
            "pidfile" => (None, Some(&mut given.pidfile)),
            "control" => (None, Some(&mut given.control)),
            _ => return Err(Usage(format!("unknown option {argument:?}"))),
        };
        if let Some(flag) = flag {
            if inline.is_some() {
                return Err(Usage(format!("--{name} takes no value")));
            }
            *flag = true;
        }
        if let Some(slot) = slot {
            let value =
                inline.map_or_else(|| arguments.next().transpose(), |value| Ok(Some(value)))?;
            let value = value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| Usage(format!("--{name} needs a value")))?;
            if slot.replace(value).is_some() {
                return Err(Usage(format!("--{name} is given twice")));
            }
        }
    }
    Ok(given)
}

impl Given {
    fn source(&self) -> Option<Source> {
        self.conf.as_deref().map(|conf| {
            if conf == "stdin" {
                Source::Stdin
            } else {
                Source::File(conf.into())
            }
        })
    }

    fn run(self) -> Result<Command, Usage> {
        if self.json {
            return Err(Usage("--json is no option of run".into()));
        }
        let log = match self.log.as_deref() {
            _ if self.quiet => Some(Target::Nowhere),
            None => None,
            Some("stderr") => Some(Target::Stderr),
            Some("syslog") => Some(Target::Syslog),
            Some(other) => {
                return Err(Usage(format!(
                    "--log {other:?}: there are stderr and syslog"
                )));
            }
        };
        Ok(Command::Run {
            source: self.source(),
            log,
            pidfile: self.pidfile.map(PathBuf::from),
        })
    }
}

#[cfg(test)]
mod tests;
