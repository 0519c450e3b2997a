//! Reads the `ebpf` block.

use std::path::Path;

use super::diagnostics::Diagnostics;
use super::options::OPTIONS;
use super::reader::{EbpfOption, Line, Parts, Read, Reader};
use super::{EBPF, Entries, Filter, Names};
use crate::base::escape::Quoted;
use crate::base::suggest::suggestion;
use crate::corefile::{Occurrence, Token};
use crate::encode::field_of;

/// Reads a block. `debug` logs changes of its map values. `None` when the block has an error, which is reported to
/// `faults`.
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
        let message = format!(
            "takes no argument, not {}; write its options in a block",
            reader.quote(*argument)
        );
        reader.faults.add(*argument, EBPF, message);
    }
    if let Some(mut lines) = block.body {
        loop {
            let at = lines.position();
            let Some(line) = lines.next() else { break };
            reader.read_line(line, at);
        }
    }
    for option in OPTIONS.iter().filter(|option| option.required) {
        reader.require(block.head, option);
    }
    let filter = reader.parts.into_filter(block.head, reader.entries, debug);
    filter.filter(|_| faults.count() == before)
}

impl Reader<'_, '_> {
    /// Reads a line whose first word has the index `at` in the directive.
    fn read_line(&mut self, line: &[Token], at: usize) {
        let Some((&name, args)) = line.split_first() else {
            return;
        };
        let text = self.text(name);
        let Some(option) = OPTIONS.iter().find(|option| option.name == text) else {
            self.faults.add_with(name, EBPF, || {
                let names: Vec<_> = OPTIONS.iter().map(|option| option.name).collect();
                let meant = match text {
                    "interface" | "iface" | "device" | "dev" => "if",
                    "object" | "file" => "elf",
                    _ => text,
                };
                let remedy = suggestion(meant, &names);
                format!("unknown option {}; {remedy}", Quoted(field_of(text)))
            });
            return;
        };
        let line = Line {
            option,
            name,
            args,
            at,
        };
        match option.read {
            Read::Each(read) => read(self, &line),
            Read::Once(read) => {
                if let Some(argument) = self.only_argument(&line) {
                    read(self, name, argument);
                }
            }
        }
    }

    /// Reports that the block has no line of this option.
    fn require(&mut self, block: Token, option: &EbpfOption) {
        let EbpfOption {
            name,
            form,
            meaning,
            ..
        } = option;
        if !self.seen.contains(name) {
            let message = format!("no {name}; add `{name} {form}`, {meaning}");
            self.faults.add(block, EBPF, message);
        }
    }

    /// The argument of an option that a block may have once.
    fn only_argument(&mut self, line: &Line<'_>) -> Option<Token> {
        let EbpfOption { name, form, .. } = *line.option;
        if self.seen.contains(&name) {
            self.faults
                .add(line.name, name, "given twice in this block; keep one");
            return None;
        }
        self.seen.push(name);
        let [argument] = line.args else {
            self.wrong_count(line);
            return None;
        };
        if self.text(*argument).is_empty() {
            let message = format!("{form} is empty; was a variable not set?");
            self.faults.add(*argument, name, message);
            return None;
        }
        Some(*argument)
    }
}
