//! Command line: commands and their options.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::base::escape::Quoted;
use crate::base::suggest::misspelt;
use crate::commands::{capture, decide, test, top};
use crate::config::InterfaceName;
use crate::config::decision::STATE_FOLDER;
use crate::config::page_size::MAX_PATH;
use crate::control::{DEFAULT_PATH, Request, SampleRequest};
use crate::http::keeper::KEEPER;
use crate::plan::Source;

mod arguments;
mod command;
mod help;

use arguments::Arguments;
pub use command::{Command, LogTarget};
pub use help::HELP;

/// Commands with their options. The last command is internal, and never suggested.
const OPTIONS: [(&str, &[&str]); 14] = [
    (
        "run",
        &[
            "conf", "fallback", "log", "pidfile", "control", "state", "confirm", "quiet",
        ],
    ),
    ("check", &["conf", "json"]),
    ("expand", &["conf"]),
    ("inspect", &["json"]),
    ("status", &["control", "json", "measure"]),
    ("dump", &["control", "json"]),
    (
        "capture",
        &["control", "i", "verdict", "c", "for", "w", "one-in", "rate"],
    ),
    ("top", &["control", "i", "by", "n", "for", "json"]),
    ("add", &["control", "state", "i"]),
    ("delete", &["control", "state", "i"]),
    ("test", &["control", "i"]),
    ("reload", &["control", "conf", "confirm"]),
    ("confirm", &["control"]),
    (KEEPER, &[]),
];

/// Error of the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = if self.0.ends_with('?') {
            ""
        } else {
            "; see corexdp --help"
        };
        write!(f, "corexdp: {}{hint}", self.0)
    }
}

impl std::error::Error for Usage {}

/// Parses the arguments, without the program's name.
///
/// # Errors
/// When command, options or values are invalid.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Usage> {
    let given = Arguments::read(arguments)?;
    if given.has("help") || given.has("h") {
        return Ok(Command::Help);
    }
    if given.has("version") {
        return Ok(Command::Version);
    }
    let words: Vec<&str> = given.words.iter().map(String::as_str).collect();
    let (name, more) = words.split_first().unwrap_or((&"run", &[]));
    let Some((_, options)) = OPTIONS.iter().find(|(command, _)| command == name) else {
        return Err(unknown_command(name));
    };
    given.only(name, options)?;
    if matches!(*name, "add" | "delete") {
        return decide(&given, name, more);
    }
    if *name == "test" {
        return Ok(Command::Test(test::Options {
            control: control(&given),
            interface: interface(&given)?,
            words: more.iter().map(|word| (*word).to_owned()).collect(),
        }));
    }
    let (program, more) = match more.split_first() {
        Some((program, more)) if *name == "inspect" => (Some(*program), more),
        _ => (None, more),
    };
    if let Some(word) = more.first() {
        return Err(Usage(format!("unexpected {}", Quoted(word))));
    }
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
        "capture" => capture(&given),
        "top" => top(&given, json),
        "reload" => reload(&given, source),
        "confirm" => Ok(Command::Confirm {
            control: control(&given),
        }),
        KEEPER => Ok(Command::Keeper),
        _ => run(&given, source),
    }
}

fn unknown_command(name: &str) -> Usage {
    let names = OPTIONS.map(|(command, _)| command);
    let near = match misspelt(name, names.split_last().map_or(&[], |(_, names)| names)) {
        Some(near) => format!("; did you mean {near}?"),
        None => String::new(),
    };
    Usage(format!("unknown command {}{near}", Quoted(name)))
}

fn source(given: &Arguments) -> Option<Source> {
    given.value("conf").map(|conf| match conf {
        "stdin" => Source::Stdin,
        path => Source::File(path.into()),
    })
}

fn run(given: &Arguments, source: Option<Source>) -> Result<Command, Usage> {
    let log = match given.value("log") {
        _ if given.has("quiet") => Some(LogTarget::Quiet),
        None => None,
        Some("stderr") => Some(LogTarget::Stderr),
        Some("syslog") => Some(LogTarget::Syslog),
        Some(other) => {
            let message = format!("--log {}: use stderr or syslog", Quoted(other));
            return Err(Usage(message));
        }
    };
    let fallback = given.value("fallback");
    if fallback.is_some_and(|path| path == "stdin" || path.len() > MAX_PATH) {
        let message = format!("--fallback needs a file, with a path of at most {MAX_PATH} bytes");
        return Err(Usage(message));
    }
    Ok(Command::Run {
        source,
        fallback: fallback.map(PathBuf::from),
        log,
        pidfile: given.value("pidfile").map(PathBuf::from),
        control: given.value("control").map(PathBuf::from),
        state: state(given),
        confirm: given.duration("confirm")?,
    })
}

fn reload(given: &Arguments, source: Option<Source>) -> Result<Command, Usage> {
    let (control, time) = (control(given), given.duration("confirm")?);
    match (source, time) {
        (None, time) => Ok(Command::Send {
            control,
            request: Request::Reload(time),
        }),
        (Some(Source::File(file)), Some(time)) => Ok(Command::Try {
            control,
            file,
            time,
        }),
        (Some(Source::File(_)), None) => Err(Usage(
            "reload -conf tries a file, and needs --confirm DURATION, after which the old filters return".into(),
        )),
        (Some(_), _) => Err(Usage("reload -conf needs a file".into())),
    }
}

fn capture(given: &Arguments) -> Result<Command, Usage> {
    let request = SampleRequest {
        interface: interface(given)?,
        verdicts: capture::verdicts(given.value("verdict")).map_err(Usage)?,
        one_in: given.number("one-in")?.unwrap_or(1),
        rate: given.number("rate")?.unwrap_or(capture::RATE),
    };
    Ok(Command::Capture(capture::Options {
        control: control(given),
        request,
        count: given.number("c")?,
        time: given.duration("for")?,
        file: given.value("w").map(PathBuf::from),
    }))
}

fn top(given: &Arguments, json: bool) -> Result<Command, Usage> {
    Ok(Command::Top(top::Options {
        control: control(given),
        interface: interface(given)?,
        by: given
            .value("by")
            .map(top::By::parse)
            .transpose()
            .map_err(Usage)?,
        count: given.number("n")?,
        time: given.duration("for")?,
        json,
    }))
}

fn decide(given: &Arguments, name: &str, words: &[&str]) -> Result<Command, Usage> {
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    let input = match (name, words.as_slice()) {
        ("add", [batch]) if batch == "-" => decide::Input::Batch,
        ("add", _) => decide::Input::Add(words),
        _ => decide::Input::Delete(words),
    };
    Ok(Command::Decide(decide::Options {
        control: control(given),
        state: state(given),
        interface: interface(given)?,
        input,
    }))
}

fn state(given: &Arguments) -> PathBuf {
    given.value("state").unwrap_or(STATE_FOLDER).into()
}

fn interface(given: &Arguments) -> Result<Option<InterfaceName>, Usage> {
    let Some(name) = given.value("i") else {
        return Ok(None);
    };
    let too_long = |_| {
        let name = Quoted(name);
        Usage(format!("-i {name} is longer than any interface name"))
    };
    InterfaceName::try_from(name).map(Some).map_err(too_long)
}

fn control(given: &Arguments) -> PathBuf {
    given.value("control").unwrap_or(DEFAULT_PATH).into()
}

#[cfg(test)]
mod tests;
