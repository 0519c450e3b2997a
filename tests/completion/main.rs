//! The completions of `src/completion` in bash, fish and zsh: commands and options are those of `--help`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::command_line::{commands, has, options};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A new folder with two objects, a Corefile, a source and a subfolder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(folder.join("sub")).unwrap();
    for file in ["one.o", "two.o", "Corefile", "two.c"] {
        fs::write(folder.join(file), "").unwrap();
    }
    folder
}

/// A command that runs a shell for at most a minute.
fn shell(name: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", name]);
    command
}

/// The lines that a shell prints.
fn lines(command: &mut Command) -> Vec<String> {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    let good = output.status.success() && errors.is_empty();
    assert!(good, "{command:?}: {}: {errors}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Completions of the last word by bash.
fn bash(words: &[&str]) -> BTreeSet<String> {
    const COMPLETE: &str = "source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _corexdp
        [ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut command = shell("bash");
    command.args(["--norc", "-c", COMPLETE]);
    command.arg(repository().join("src/completion/corexdp.bash"));
    command.args(words).current_dir(folder("bash"));
    lines(&mut command).into_iter().collect()
}

/// Completions of a line by fish, without the folders that fish adds to files.
fn fish(line: &str) -> BTreeSet<String> {
    const COMPLETE: &str = "source $argv[1]; complete -C $argv[2]";
    let mut command = shell("fish");
    command.args(["--no-config", "-c", COMPLETE]);
    command.arg(repository().join("src/completion/corexdp.fish"));
    command.arg(line).current_dir(folder("fish"));
    command.env("HOME", folder("fish"));
    let words = lines(&mut command).into_iter();
    words
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect()
}

/// Each line as completed by zsh.
fn zsh(typed: &[String]) -> Vec<String> {
    let mut command = shell("zsh");
    command.arg("-f");
    command.arg(repository().join("tests/completion/complete.zsh"));
    command.arg(repository().join("src/completion"));
    command.args(typed).current_dir(folder("zsh"));
    lines(&mut command)
}

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// Options of a command in `--help`.
fn options_of(command: &str) -> BTreeSet<String> {
    let mut options = options();
    options.retain(|option| has(command, option));
    options
}

/// Options without a command: the options of `run`, `--version` and `--help`.
fn options_of_none() -> BTreeSet<String> {
    let more = set(["--version", "--help"]);
    options_of("run").union(&more).cloned().collect()
}

#[test]
fn help_is_parsed_into_commands_and_options() {
    let expected =
        "run check expand inspect status dump capture top add delete test reload confirm";
    assert_eq!(commands(), expected.split(' ').collect::<Vec<_>>());
    let expected = "-conf --fallback --confirm --log --control --pidfile --state -quiet --json --measure -i --verdict -c --for -w \
                    --one-in --rate --by -n";
    assert_eq!(options(), set(expected.split(' ')));
    assert_eq!(options_of("dump"), set(["--json", "--control"]));
}

#[test]
fn bash_completes_every_command_and_its_options() {
    let all: Vec<String> = commands();
    assert_eq!(bash(&["corexdp", ""]), all.iter().cloned().collect());
    assert_eq!(bash(&["corexdp", "-"]), options_of_none());
    for command in &all {
        assert_eq!(bash(&["corexdp", command, "-"]), options_of(command));
    }
}

#[test]
fn bash_completes_matching_words() {
    let files = ["one.o", "two.o", "Corefile", "two.c", "sub"];
    let cases: [(&[&str], &[&str]); 18] = [
        (&["st"], &["status"]),
        (&["re"], &["reload"]),
        (&["frobnicate", ""], &[]),
        (&["--log", ""], &["stderr", "syslog"]),
        (&["run", "-log", "sy"], &["syslog"]),
        (&["run", "--log", "=", "st"], &["stderr"]),
        (&["run", "--log", "="], &["stderr", "syslog"]),
        (&["check", "-conf", "s"], &["stdin", "sub"]),
        (&["check", "--conf", "Core"], &["Corefile"]),
        (&["run", "--pidfile", ""], &files),
        (&["inspect", ""], &["one.o", "two.o", "sub"]),
        (&["inspect", "one.o", ""], &["--json"]),
        (&["reload", "--confirm", ""], &[]),
        (&["--control", "c", "du"], &["dump"]),
        (&["capture", "-i", "l"], &["lo"]),
        (&["capture", "--verdict", "re"], &["redirect"]),
        (&["capture", "-w", "Core"], &["Corefile"]),
        (&["top", "--by", "n"], &["network", "name"]),
    ];
    for (typed, expected) in cases {
        let words: Vec<&str> = ["corexdp"].iter().chain(typed).copied().collect();
        assert_eq!(bash(&words), set(expected.iter().copied()), "{typed:?}");
    }
}

#[test]
fn fish_completes_every_command_and_its_options() {
    assert_eq!(fish("corexdp "), commands().into_iter().collect());
    assert_eq!(fish("corexdp -"), options_of_none());
    for command in commands() {
        assert_eq!(fish(&format!("corexdp {command} -")), options_of(&command));
    }
    assert_eq!(fish("corexdp run --log "), set(["stderr", "syslog"]));
    assert!(fish("corexdp inspect ").contains("one.o"));
    assert!(fish("corexdp capture -i ").contains("lo"));
    assert!(fish("corexdp capture -w ").contains("Corefile"));
    assert!(fish("corexdp top --by ").contains("suffix"));
    assert!(fish("corexdp check -conf ").is_superset(&set(["stdin", "Corefile"])));
}

/// Zsh completes each option without its last letter, unless the command does not have the option, or only a dash is left.
#[test]
fn zsh_completes_every_command_and_its_options() {
    let mut cases = Vec::new();
    for command in commands() {
        let typed = format!("corexdp {}", &command[..command.len() - 1]);
        cases.push((typed, format!("corexdp {command} ")));
        for option in options().into_iter().filter(|option| option.len() > 2) {
            let typed = format!("corexdp {command} {}", &option[..option.len() - 1]);
            let expected = if has(&command, &option) {
                format!("corexdp {command} {option} ")
            } else {
                typed.clone()
            };
            cases.push((typed, expected));
        }
    }
    for (typed, expected) in [
        ("corexdp --versio", "corexdp --version "),
        ("corexdp -con", "corexdp -conf "),
        ("corexdp run --log sy", "corexdp run --log syslog "),
        ("corexdp inspect on", "corexdp inspect one.o "),
        ("corexdp check -conf Core", "corexdp check -conf Corefile "),
        ("corexdp capture -w Core", "corexdp capture -w Corefile "),
        ("corexdp capture -i l", "corexdp capture -i lo "),
        (
            "corexdp capture --verdict re",
            "corexdp capture --verdict redirect,",
        ),
    ] {
        cases.push((typed.into(), expected.into()));
    }
    let (typed, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    assert_eq!(zsh(&typed), expected);
}
