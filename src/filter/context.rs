//! The input of every step: one planned filter, its Corefile and the log.

use nix::errno::Errno;

use crate::base::diagnostic::{Blame, Diagnostic};
use crate::config;
use crate::corefile::{Corefile, Token};
use crate::kernel;
use crate::log::Log;
use crate::object::LinkedObject;
use crate::plan::PlannedFilter;

/// A filter to be made: its `ebpf` block, the Corefile around the block, its object, and the log.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The `ebpf` block.
    pub block: &'a config::Filter,
    pub(super) corefile: &'a Corefile,
    pub(super) object: &'a LinkedObject,
    pub(super) planned: &'a PlannedFilter,
    pub(super) log: &'a Log,
}

impl<'a> Context<'a> {
    /// Context of `planned`, a filter of `corefile`.
    pub const fn new(planned: &'a PlannedFilter, corefile: &'a Corefile, log: &'a Log) -> Self {
        Self {
            block: &planned.block,
            corefile,
            object: &planned.object,
            planned,
            log,
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
