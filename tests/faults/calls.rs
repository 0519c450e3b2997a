//! System calls as strace prints them.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A call of a process: number `nth` of the calls with this name since tracing began, counted from 1. Like strace, a
/// process with several threads counts them per thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) nth: u32,
    /// The beginning of the call's arguments.
    pub(crate) about: String,
}

impl Call {
    /// The row of the table that counts the call. Each command of `bpf(2)` has its own row.
    pub(crate) fn row(&self) -> String {
        let command = self.about.strip_prefix("BPF_");
        let command = command.filter(|_| self.name == "bpf");
        let command = command.and_then(|rest| rest.split(',').next());
        command.map_or_else(|| self.name.clone(), |command| format!("bpf {command}"))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} number {} ({})", self.name, self.nth, self.about)
    }
}

/// The lines of one file of strace.
pub(crate) fn lines(file: &Path) -> Vec<String> {
    let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::to_owned).collect()
}

/// The calls in the lines, numbered.
pub(crate) fn calls(lines: &[String]) -> Vec<Call> {
    let mut counts = HashMap::<String, u32>::new();
    let parsed = lines.iter().filter_map(|line| parse(line));
    parsed
        .map(|(name, about)| {
            let count = counts.entry(name.clone()).or_default();
            *count += 1;
            Call {
                name,
                nth: *count,
                about,
            }
        })
        .collect()
}

/// Parses `openat(AT_FDCWD, "Corefile", O_RDONLY) = 3`; `None` for lines about signals and exits.
fn parse(line: &str) -> Option<(String, String)> {
    let (name, rest) = line.split_once('(')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| (name.to_owned(), rest.chars().take(60).collect()))
}

/// The output files of strace; with `-ff` there is one for each thread.
pub(crate) fn files(stem: &Path) -> Vec<PathBuf> {
    let prefix = format!("{}.", stem.file_name().unwrap().to_string_lossy());
    let entries = fs::read_dir(stem.parent().unwrap()).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path == stem
                || path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        })
        .collect();
    files.sort();
    files
}

/// The union of the threads' calls.
pub(crate) fn of_any(threads: impl IntoIterator<Item = Vec<Call>>) -> Vec<Call> {
    let mut all = Vec::<Call>::new();
    for call in threads.into_iter().flatten() {
        if !all
            .iter()
            .any(|known| known.name == call.name && known.nth == call.nth)
        {
            all.push(call);
        }
    }
    all
}

#[test]
fn calls_are_counted_by_name_without_signals() {
    let lines = [
        "openat(AT_FDCWD, \"Corefile\", O_RDONLY|O_CLOEXEC) = 3",
        "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED} ---",
        "bpf(BPF_MAP_CREATE, {map_type=BPF_MAP_TYPE_ARRAY}, 128) = -1 ENOMEM (INJECTED)",
        "openat(AT_FDCWD, \"faults.o\", O_RDONLY|O_CLOEXEC <unfinished ...>",
        "+++ exited with 0 +++",
    ];
    let found = calls(&lines.map(str::to_owned));
    let found: Vec<_> = found.iter().map(|call| (call.row(), call.nth)).collect();
    let expected = [("openat", 1), ("bpf MAP_CREATE", 1), ("openat", 2)];
    assert_eq!(found, expected.map(|(row, nth)| (row.to_owned(), nth)));
}
