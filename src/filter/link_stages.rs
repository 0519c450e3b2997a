//! The step that links the stages of a filter: each stage gets the program of the next one.

use nix::errno::Errno;

use super::Filter;
use super::context::Chain;
use super::refusal::not_chained;
use super::stage::Stage;
use crate::base::diagnostic::Diagnostic;
use crate::kernel::describe;
use crate::log::Log;

/// A stage that could not be linked to the stage before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkError {
    /// Number of the stage.
    stage: usize,
    errno: Errno,
}

impl LinkError {
    pub(super) fn diagnostic(self, chain: &Chain<'_>) -> Diagnostic {
        let context = chain.stages().nth(self.stage);
        not_chained(context.unwrap_or(&chain.head), self.errno)
    }
}

impl Filter {
    /// Makes each stage hand the packets that it passes to the next one. Begins at the end, so that the stages in front of
    /// a change are the last to be linked: until then no packet meets a part of the change. Returns true if a stage had
    /// another successor.
    pub(super) fn link_stages(&self) -> Result<bool, LinkError> {
        let mut next: Option<&Stage> = None;
        let mut changed = false;
        for (stage, number) in self.stages().rev().zip(0_usize..) {
            let program = next.map(|next| &next.program);
            let last = self.behind.len();
            changed |= stage.set_next(program).map_err(|errno| LinkError {
                stage: (last + 1).saturating_sub(number),
                errno,
            })?;
            next = Some(stage);
        }
        Ok(changed)
    }

    /// Links the stages again, which another process, or a replacement that failed, may have changed. Errors are only
    /// logged. Returns true if a stage had another successor.
    pub(super) fn relink(&self, log: &Log) -> bool {
        self.link_stages().unwrap_or_else(|error| {
            let (name, why) = (&self.interface, describe(error.errno));
            log.error(format_args!("{name}: cannot link its stages: {why}"));
            false
        })
    }
}
