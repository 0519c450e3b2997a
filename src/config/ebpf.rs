//! The `ebpf` block.

use std::path::Path;

use super::diagnostics::Diagnostics;
use super::{Entries, Exit, Filter, Metric, Mode, Named, Names, duration, folder_of};
use crate::base::capacity::MAX_FILTERS;
use crate::base::escape::Quoted;
use crate::base::suggest::instead;
use crate::config::MetricKind;
use crate::corefile::{Occurrence, Token};

const OPTIONS: [&str; 11] = [
    "elf", "prog", "if", "map", "entry", "metric", "gauge", "counter", "mode", "wait", "exit",
];

/// Reads a block; `None` when something is wrong with it, and then it has been said.
pub(super) fn read(
    block: Occurrence<'_>,
    entries: Entries,
    folder: &Path,
    debug: bool,
    names: &mut Names,
    faults: &mut Diagnostics<'_>,
) -> Option<Filter> {
    let before = faults.count();
    let mut reader = Reader {
        faults,
        names,
        folder,
        seen: Vec::new(),
        entries,
        parts: Parts::default(),
    };
    if let Some(argument) = block.args.first().or(block.rest.first()) {
        let what = format!(
            "takes no argument, not {}; its options stand in a block",
            reader.quote(*argument)
        );
        reader.faults.add(*argument, "ebpf", what);
    }
    if let Some(mut lines) = block.body {
        loop {
            let at = lines.position();
            let Some(line) = lines.next() else { break };
            reader.line(line, at);
        }
    }
    reader.miss(block.head, "elf", "PROGRAM", "the object file to attach");
    reader.miss(block.head, "if", "INTERFACE", "the interface to attach to");
    let parts = reader.parts;
    let ((elf, elf_at), (interface, interface_at)) = parts.elf.zip(parts.interface)?;
    let filter = Filter {
        at: block.head,
        elf,
        elf_at,
        program: parts.program,
        interface,
        interface_at,
        mode: parts.mode.unwrap_or_default(),
        wait: parts.wait.unwrap_or_default(),
        exit: parts.exit.map(|(exit, _)| exit).unwrap_or_default(),
        exit_at: parts.exit.map_or(block.head, |(_, at)| at),
        maps: parts.maps,
        entries: reader.entries,
        metrics: parts.metrics,
        debug,
    };
    (faults.count() == before).then_some(filter)
}

/// What has been read of a block.
#[derive(Default)]
pub(super) struct Parts {
    elf: Option<(std::path::PathBuf, Token)>,
    program: Option<(String, Token)>,
    interface: Option<(heapless::String<15>, Token)>,
    mode: Option<Mode>,
    wait: Option<std::time::Duration>,
    exit: Option<(Exit, Token)>,
    pub(super) maps: Vec<Named>,
    pub(super) metrics: Vec<Metric>,
}

pub(super) struct Reader<'a, 'c> {
    pub(super) faults: &'a mut Diagnostics<'c>,
    pub(super) names: &'a mut Names,
    folder: &'a Path,
    /// Options met so far that are given once, be they right or wrong.
    seen: Vec<&'c str>,
    pub(super) entries: Entries,
    pub(super) parts: Parts,
}

impl<'c> Reader<'_, 'c> {
    pub(super) fn text(&self, token: Token) -> &'c str {
        self.faults.corefile.text(token)
    }

    pub(super) fn quote(&self, token: Token) -> String {
        Quoted(self.text(token)).to_string()
    }

    /// Reads a line that begins `at` a word of the directive.
    fn line(&mut self, line: &[Token], at: usize) {
        let Some((&name, args)) = line.split_first() else {
            return;
        };
        match self.text(name) {
            "elf" => self.elf(name, args),
            "if" => self.interface(name, args),
            "prog" => self.program(name, args),
            "map" => self.map(name, args, at),
            "entry" => self.entry(name, args, at),
            "metric" => self.metric(name, args),
            "gauge" => self.metric_in_words(name, args, MetricKind::Gauge),
            "counter" => self.metric_in_words(name, args, MetricKind::Counter),
            "mode" => self.mode(name, args),
            "wait" => self.wait(name, args),
            "exit" => self.exit(name, args),
            other => {
                let right = instead(other, &OPTIONS);
                let what = format!("unknown option {}; {right}", Quoted(other));
                self.faults.add(name, "ebpf", what);
            }
        }
    }

    /// Says that an option is missing, unless it was there, be it right or wrong.
    fn miss(&mut self, block: Token, option: &str, form: &str, what: &str) {
        if !self.seen.contains(&option) {
            let what = format!("no {option}; add `{option} {form}`, {what}");
            self.faults.add(block, "ebpf", what);
        }
    }

    /// The one argument of an option that is given once.
    fn only(&mut self, name: Token, args: &[Token], form: &str) -> Option<Token> {
        let option = self.text(name);
        if self.seen.contains(&option) {
            self.faults
                .add(name, option, "given twice in this block; keep one".into());
            return None;
        }
        self.seen.push(option);
        let [argument] = args else {
            self.wrong_count(name, args, form);
            return None;
        };
        if self.text(*argument).is_empty() {
            self.faults.add(
                *argument,
                option,
                format!("{form} is empty; was a variable not set?"),
            );
            return None;
        }
        Some(*argument)
    }

    /// Says that an option has too many or too few arguments.
    pub(super) fn wrong_count(&mut self, name: Token, args: &[Token], form: &str) {
        let option = self.text(name);
        let count = args.len();
        let s = if count == 1 { "" } else { "s" };
        let what = format!("{count} argument{s}; write `{option} {form}`");
        self.faults.add(name, option, what);
    }

    fn elf(&mut self, name: Token, args: &[Token]) {
        if let Some(path) = self.only(name, args, "PROGRAM") {
            let folder = folder_of(path, self.faults.corefile, self.folder);
            self.parts.elf = Some((folder.join(self.text(path)), path));
        }
    }

    fn program(&mut self, name: Token, args: &[Token]) {
        if let Some(function) = self.only(name, args, "FUNCTION") {
            self.parts.program = Some((self.text(function).to_owned(), name));
        }
    }

    fn interface(&mut self, name: Token, args: &[Token]) {
        let Some(word) = self.only(name, args, "INTERFACE") else {
            return;
        };
        let text = self.text(word);
        let Ok(interface) = heapless::String::try_from(text) else {
            self.faults.add(
                word,
                "if",
                format!(
                    "{} is no interface name; one has 1 to 15 bytes",
                    Quoted(text)
                ),
            );
            return;
        };
        if !is_interface_name(text) {
            self.faults.add(
                word,
                "if",
                format!("{} is no interface name; one is not `.` or `..` and has no white space, control character, `/` or `:`", Quoted(text)),
            );
            return;
        }
        if self.names.interfaces.iter().any(|taken| taken == text) {
            self.faults.add(
                word,
                "if",
                format!(
                    "interface {text} has a filter already; give each interface one `ebpf` block"
                ),
            );
        }
        // One too many is enough to refuse them all, and each is compared with all.
        if self.names.interfaces.len() <= MAX_FILTERS {
            self.names.interfaces.push(text.to_owned());
        }
        self.parts.interface = Some((interface, word));
    }

    fn mode(&mut self, name: Token, args: &[Token]) {
        let Some(word) = self.only(name, args, "auto|native|generic|offload") else {
            return;
        };
        let text = self.text(word);
        let mode = Mode::ALL.into_iter().find(|mode| mode.name() == text);
        if mode.is_none() {
            let what = format!(
                "unknown mode {}; there are auto, native, generic and offload",
                Quoted(text)
            );
            self.faults.add(word, "mode", what);
        }
        self.parts.mode = Some(mode.unwrap_or_default());
    }

    fn exit(&mut self, name: Token, args: &[Token]) {
        let Some(word) = self.only(name, args, "detach|hold") else {
            return;
        };
        let exit = match self.text(word) {
            "detach" => Exit::Detach,
            "hold" => Exit::Hold,
            other => {
                let what = format!("unknown exit {}; there are detach and hold", Quoted(other));
                self.faults.add(word, "exit", what);
                return;
            }
        };
        self.parts.exit = Some((exit, name));
    }

    fn wait(&mut self, name: Token, args: &[Token]) {
        let Some(word) = self.only(name, args, "DURATION") else {
            return;
        };
        let wait = duration::parse(self.text(word));
        if wait.is_none() {
            let what = format!(
                "{} is no duration; write for example 30s or 1m30s",
                self.quote(word)
            );
            self.faults.add(word, "wait", what);
        }
        self.parts.wait = Some(wait.unwrap_or_default());
    }
}

/// A name as the kernel takes it: 1 to 15 bytes, no white space, `/` or `:`, not `.` or `..` (`dev_valid_name`). It
/// would take control characters too, which have no place in a log.
fn is_interface_name(name: &str) -> bool {
    (1..16).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_kernel_takes() {
        for good in ["eth0", "a", "abcdefghijklmno", "wlan0.5", "…"] {
            assert!(is_interface_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "abcdefghijklmnop",
            "a/b",
            "a:1",
            "a b",
            "a\tb",
            "a\0",
            "a\u{1b}",
        ] {
            assert!(!is_interface_name(bad), "{bad}");
        }
    }
}
