//! Types of reading the `ebpf` block: an option, a line, and the values read so far.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostics::Diagnostics;
use super::{Entries, Exit, Filter, InterfaceName, Link, List, MapRef, Metric, Mode, Names};
use crate::base::escape::Quoted;
use crate::base::quantity::Quantity;
use crate::corefile::Token;

/// An option of the `ebpf` block.
#[derive(Debug)]
pub struct EbpfOption {
    /// The word that begins a line of this option.
    pub name: &'static str,
    /// The arguments, as messages and the manual show them.
    pub form: &'static str,
    /// The purpose, in one line.
    pub meaning: &'static str,
    /// True if a block without this option is an error.
    pub required: bool,
    pub(super) read: Read,
}

/// The reader of an option, by how often a block may have the option.
#[derive(Debug)]
pub(super) enum Read {
    /// At most once, with one argument. The function takes the tokens of the option's name and the argument.
    Once(fn(&mut Reader<'_, '_>, Token, Token)),
    /// Any number of times, with any number of arguments.
    Each(fn(&mut Reader<'_, '_>, &Line<'_>)),
}

impl EbpfOption {
    /// True if a block may have several lines of this option.
    pub const fn may_repeat(&self) -> bool {
        matches!(self.read, Read::Each(_))
    }

    pub(super) const fn new(
        name: &'static str,
        form: &'static str,
        meaning: &'static str,
        read: Read,
    ) -> Self {
        Self {
            name,
            form,
            meaning,
            required: false,
            read,
        }
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// A line of the block.
pub(super) struct Line<'t> {
    /// The option whose name begins the line.
    pub(super) option: &'static EbpfOption,
    pub(super) name: Token,
    pub(super) args: &'t [Token],
    /// Index of `name` among the directive's words.
    pub(super) at: usize,
}

/// State of reading one block.
pub(super) struct Reader<'a, 'c> {
    pub(super) faults: &'a mut Diagnostics<'c>,
    pub(super) names: &'a mut Names,
    pub(super) folder: &'a Path,
    /// Names of the options that the block has had so far, valid or not.
    pub(super) seen: Vec<&'static str>,
    pub(super) entries: Entries,
    pub(super) parts: Parts,
}

/// Values of the options read so far, each with the token that later messages name.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) elf: Option<(PathBuf, Token)>,
    pub(super) program: Option<(String, Token)>,
    pub(super) interface: Option<(InterfaceName, Token)>,
    pub(super) mode: Option<(Mode, Token)>,
    pub(super) link: Option<(Link, Token)>,
    pub(super) wait: Option<(Duration, Token)>,
    pub(super) exit: Option<(Exit, Token)>,
    pub(super) maps: Vec<MapRef>,
    pub(super) lists: Vec<List>,
    pub(super) metrics: Vec<Metric>,
}

impl Parts {
    /// The filter of the block whose name is the token `at`; `None` without object or interface.
    pub(super) fn into_filter(self, at: Token, entries: Entries, debug: bool) -> Option<Filter> {
        let ((elf, elf_at), (interface, interface_at)) = self.elf.zip(self.interface)?;
        Some(Filter {
            at,
            elf,
            elf_at,
            program: self.program,
            interface,
            interface_at,
            mode: self.mode.map(|(mode, _)| mode).unwrap_or_default(),
            mode_at: self.mode.map(|(_, at)| at),
            link: self.link,
            wait: self.wait.map(|(wait, _)| wait).unwrap_or_default(),
            wait_at: self.wait.map(|(_, at)| at),
            exit: self.exit.map(|(exit, _)| exit).unwrap_or_default(),
            exit_at: self.exit.map(|(_, at)| at),
            maps: self.maps,
            entries,
            lists: self.lists,
            metrics: self.metrics,
            debug,
        })
    }
}

impl<'c> Reader<'_, 'c> {
    pub(super) fn text(&self, token: Token) -> &'c str {
        self.faults.corefile.text(token)
    }

    pub(super) fn quote(&self, token: Token) -> String {
        Quoted(self.text(token)).to_string()
    }

    /// Reports that an option has too many or too few arguments.
    pub(super) fn wrong_count(&mut self, line: &Line<'_>) {
        let EbpfOption { name, form, .. } = line.option;
        let arguments = Quantity(line.args.len() as u64, "argument");
        let message = format!("{arguments}; write `{name} {form}`");
        self.faults.add(line.name, name, message);
    }
}
