//! The commands and options in `--help`, and the options that the parser accepts.

use std::collections::BTreeSet;

use corexdp::commands::cli::{HELP, parse};

/// The commands, in the order of `--help`.
pub fn commands() -> Vec<String> {
    let lines = HELP
        .lines()
        .filter_map(|line| line.strip_prefix("  corexdp "));
    let first = lines.map(|line| line.split_whitespace().next().unwrap());
    first
        .map(|word| word.trim_matches(['[', ']']).to_owned())
        .filter(|word| !word.starts_with('-'))
        .collect()
}

/// The options of commands, as `--help` spells them.
pub fn options() -> BTreeSet<String> {
    let words = HELP.split([' ', '\n', '[', ']', '`']);
    let mut options: BTreeSet<String> = words
        .filter(|word| word.starts_with('-') && word.len() > 1)
        .map(str::to_owned)
        .collect();
    options.retain(|option| !["--help", "--version"].contains(&option.as_str()));
    options
}

/// True if the parser accepts this option for this command.
pub fn has(command: &str, option: &str) -> bool {
    let mut words = vec![command.to_owned()];
    if command == "inspect" {
        words.push("one.o".to_owned());
    }
    words.push(option.to_owned());
    let error = |words: &[String]| {
        let result = parse(words.iter().map(Into::into));
        result.map_or_else(|usage| usage.to_string(), |_| String::new())
    };
    if error(&words).contains("needs a ") {
        words.push("1s".to_owned());
    }
    !error(&words).contains("has no option")
}
