//! Words and options of the command line, independent of the command.

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use super::Usage;
use crate::base::escape::Quoted;
use crate::base::suggest::nearest;
use crate::config;

/// Options without a value.
const FLAGS: [&str; 5] = ["json", "quiet", "version", "help", "h"];
/// Options with a value.
const VALUES: [&str; 17] = [
    "conf", "fallback", "log", "pidfile", "control", "state", "confirm", "measure", "i", "c", "w",
    "for", "verdict", "one-in", "rate", "by", "n",
];

/// The arguments: words, and options with their values.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) words: Vec<String>,
    /// Name and value of each option; the value of a flag is empty.
    options: Vec<(&'static str, String)>,
}

impl Arguments {
    /// Parses the arguments, without the program's name. Options have one dash or two; their value follows after `=` or
    /// as the next argument.
    pub(super) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Usage> {
        let mut given = Self::default();
        let mut arguments = arguments.into_iter().map(|argument| {
            argument
                .into_string()
                .map_err(|bad| Usage(format!("{} is not UTF-8", bad.to_string_lossy())))
        });
        while let Some(argument) = arguments.next().transpose()? {
            // `-` alone is a word: standard input.
            let one_dash = argument.strip_prefix('-').filter(|name| !name.is_empty());
            let Some(option) = argument.strip_prefix("--").or(one_dash) else {
                given.words.push(argument);
                continue;
            };
            let (name, inline) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (option, None),
            };
            if let Some(name) = known(&FLAGS, name) {
                if inline.is_some() {
                    return Err(Usage(format!("{} takes no value", Dashed(name))));
                }
                given.options.push((name, String::new()));
            } else if let Some(name) = known(&VALUES, name) {
                let value = match inline {
                    Some(value) => Some(value),
                    None => arguments.next().transpose()?,
                };
                let value = value.filter(|value| !is_option(value));
                given.set(name, value.unwrap_or_default())?;
            } else {
                // A letter is contained in too many words to be suggested.
                let words = FLAGS.iter().chain(&VALUES).filter(|name| name.len() > 1);
                let words: Vec<_> = words.copied().collect();
                let near = match nearest(name, &words) {
                    Some(near) => format!("; did you mean {}?", Dashed(near)),
                    None => String::new(),
                };
                return Err(Usage(format!("unknown option {}{near}", Quoted(&argument))));
            }
        }
        Ok(given)
    }

    fn set(&mut self, name: &'static str, value: String) -> Result<(), Usage> {
        if value.is_empty() {
            let value = match name {
                "confirm" | "measure" | "for" => "DURATION, for example 60s",
                "log" => "value: stderr or syslog",
                _ => "value",
            };
            return Err(Usage(format!("{} needs a {value}", Dashed(name))));
        }
        if self.has(name) {
            return Err(Usage(format!("{} is given twice", Dashed(name))));
        }
        self.options.push((name, value));
        Ok(())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Value of an option, empty for a flag; `None` if the option is not given.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut options = self.options.iter();
        let found = options.find(|(option, _)| *option == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Duration of an option, at least 1 ms; `None` if the option is not given.
    pub(super) fn duration(&self, name: &str) -> Result<Option<Duration>, Usage> {
        let Some(text) = self.value(name) else {
            return Ok(None);
        };
        match config::duration(text) {
            Some(time) if time >= Duration::from_millis(1) => Ok(Some(time)),
            _ => Err(Usage(format!(
                "--{name} {} is not a duration such as 60s or 2m",
                Quoted(text)
            ))),
        }
    }

    /// Number of an option, at least 1; `None` if the option is not given.
    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, Usage> {
        let Some(text) = self.value(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(Usage(format!(
                "{} {} is not a number from 1 to {}",
                Dashed(name),
                Quoted(text),
                u32::MAX
            ))),
        }
    }

    /// Refuses options that `command` does not have.
    pub(super) fn only(&self, command: &str, known: &[&str]) -> Result<(), Usage> {
        let foreign = self.options.iter().find(|(name, _)| !known.contains(name));
        match foreign {
            Some(("state", _)) if known.contains(&"control") => Err(Usage(format!(
                "{command} has no option --state, since the daemon answers; --control names its socket"
            ))),
            Some((name, _)) => Err(Usage(format!("{command} has no option {}", Dashed(name)))),
            None => Ok(()),
        }
    }
}

/// An option with its dashes: one before a letter, two before a word.
struct Dashed<'a>(&'a str);

impl fmt::Display for Dashed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dashes = if self.0.len() == 1 { "-" } else { "--" };
        write!(f, "{dashes}{}", self.0)
    }
}

/// True for a known option, which is thus not the value of the option before it.
fn is_option(word: &str) -> bool {
    let name = word.trim_start_matches('-');
    let name = name.split_once('=').map_or(name, |(name, _)| name);
    word.starts_with('-') && known(&FLAGS, name).or(known(&VALUES, name)).is_some()
}

fn known(names: &[&'static str], name: &str) -> Option<&'static str> {
    names.iter().find(|known| **known == name).copied()
}
