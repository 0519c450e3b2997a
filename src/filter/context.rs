//! The input of every step: a chain of planned stages, their Corefile and the log.

use std::fmt;

use nix::errno::Errno;

use super::stages::Stages;
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::digest;
use crate::base::escape::Escaped;
use crate::config;
use crate::corefile::{Corefile, Token};
use crate::kernel;
use crate::log::Log;
use crate::object::LinkedObject;
use crate::plan::{Plan, PlannedFilter};

/// A stage to be made: its `ebpf` block, the Corefile around the block, its object, and the log.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The `ebpf` block.
    pub block: &'a config::Filter,
    pub(super) corefile: &'a Corefile,
    pub(super) object: &'a LinkedObject,
    pub(super) planned: &'a PlannedFilter,
    pub(super) log: &'a Log,
    /// Number of earlier stages of the chain whose object has the same name.
    pub(super) namesakes: usize,
    /// True if the interface has several stages.
    is_chained: bool,
}

/// A filter to be made: the stages of one interface, in the order of the Corefile.
#[derive(Clone, Debug)]
pub struct Chain<'a> {
    /// The first stage. The options of the interface are in every block, so also in this one.
    pub head: Context<'a>,
    pub(super) behind: Vec<Context<'a>>,
}

impl<'a> Chain<'a> {
    /// The chain of each interface of the plan, in the order of their first blocks.
    pub fn all(plan: &'a Plan, log: &'a Log) -> Vec<Self> {
        let mut chains: Vec<Self> = Vec::with_capacity(plan.filters.len());
        for planned in &plan.filters {
            let head = Context {
                block: &planned.block,
                corefile: &plan.corefile,
                object: &planned.object,
                planned,
                log,
                namesakes: 0,
                is_chained: false,
            };
            let mut known = chains.iter_mut();
            match known.find(|chain| chain.head.block.interface == head.block.interface) {
                Some(chain) => chain.append(head),
                None => chains.push(Self {
                    head,
                    behind: Vec::new(),
                }),
            }
        }
        chains
    }

    fn append(&mut self, stage: Context<'a>) {
        self.head.is_chained = true;
        let stem = stage.block.elf.file_stem();
        let namesakes = self.stages();
        let namesakes = namesakes.filter(|other| other.block.elf.file_stem() == stem);
        let namesakes = namesakes.count();
        self.behind.push(Context {
            namesakes,
            is_chained: true,
            ..stage
        });
    }

    /// All stages, in the order in which they meet a packet.
    pub fn stages(&self) -> Stages<'_, Context<'a>> {
        Stages::new(&self.head, &self.behind)
    }
}

impl Context<'_> {
    /// Name of the stage, unique on the interface: that of the object's file, without its extension. The second stage of
    /// an object `acl` is `acl#2`.
    pub(super) fn stage_name(&self) -> String {
        let stem = self.block.elf.file_stem().unwrap_or_default();
        let stem = stem.to_string_lossy();
        match self.namesakes {
            0 => stem.into_owned(),
            earlier => format!("{stem}#{}", earlier + 1),
        }
    }

    /// Digest of the stage's name.
    pub(super) fn name_digest(&self) -> u64 {
        digest::of(self.stage_name().as_str())
    }

    /// Logs a warning about the stage. Names the interface, and in a chain the stage.
    pub(super) fn warn(&self, message: fmt::Arguments<'_>) {
        self.log.warn(format_args!("{}: {message}", self.place()));
    }

    /// Name of the interface, and in a chain also of the stage.
    fn place(&self) -> String {
        let interface = &self.block.interface;
        if self.is_chained {
            format!("{interface}/{}", Escaped(&self.stage_name()))
        } else {
            interface.to_string()
        }
    }

    /// An error of `directive`, at the token `at` of the Corefile.
    pub(super) fn wrong(
        &self,
        at: Token,
        directive: &str,
        blame: Blame,
        message: String,
    ) -> Diagnostic {
        self.corefile.diagnostic(at, directive, message, blame)
    }

    /// An error of the kernel, reported for `directive` at the token `at` of the Corefile.
    pub(super) fn kernel(&self, at: Token, directive: &str, error: &kernel::Error) -> Diagnostic {
        self.wrong(at, directive, blame(error.errno), error.to_string())
    }
}

/// The party at fault for an errno: the user's privileges, or the system.
pub const fn blame(errno: Errno) -> Blame {
    match errno {
        Errno::EPERM | Errno::EACCES => Blame::Privilege,
        _ => Blame::System,
    }
}
