//! The plan of a start: that of the Corefile, or that of the fallback if the Corefile is refused.

use std::time::Duration;

use super::error::{Error, worst};
use super::state::Options;
use super::{check_pid_file, confine, start};
use crate::base::diagnostic::Blame;
use crate::plan::sources::Sources;
use crate::plan::{Plan, Source};

/// The plan of a start.
pub(super) struct Chosen {
    pub(super) plan: Plan,
    /// The error of the Corefile, for which the fallback was chosen.
    pub(super) refused: Option<Error>,
}

impl Chosen {
    /// Reads and checks everything that can be checked before the start changes anything. Records the files of the
    /// Corefile, even if it is refused, in `sources`.
    pub(super) fn of_start(options: &Options, sources: &mut Sources) -> Result<Self, Error> {
        match checked_plan(&options.source, options, sources) {
            Ok(plan) => Ok(Self {
                plan,
                refused: None,
            }),
            Err(error) => Self::fallback(options, error),
        }
    }

    /// Becomes the fallback after `error`, unless the fallback had this error.
    pub(super) fn fall_back(&mut self, options: &Options, error: Error) -> Result<(), Error> {
        if self.refused.is_some() {
            return Err(error);
        }
        *self = Self::fallback(options, error)?;
        Ok(())
    }

    /// The fallback, if the Corefile or a file that it names is refused with `error`.
    fn fallback(options: &Options, error: Error) -> Result<Self, Error> {
        let Some(source) = options.fallback.as_ref().filter(|_| is_refusal(&error)) else {
            return Err(error);
        };
        let log = &options.log;
        for line in error.chain().lines() {
            log.error(line);
        }
        log.error(format_args!(
            "the Corefile was refused, so the fallback {source} is used; correct the Corefile, then run `corexdp reload`"
        ));
        Ok(Self {
            plan: checked_plan(source, options, &mut Sources::default())?,
            refused: Some(error),
        })
    }

    /// Time for which the filters may wait for their interfaces.
    pub(super) fn waits(&self) -> Duration {
        let waits = self.plan.filters.iter().map(|filter| filter.block.wait);
        waits.fold(Duration::ZERO, Duration::saturating_add)
    }
}

/// True if the Corefile, or a file that it names, is missing or wrong.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Refused(wrong) => {
            matches!(worst(wrong), Blame::Corefile | Blame::Input | Blame::Object)
        }
        _ => false,
    }
}

fn checked_plan(source: &Source, options: &Options, sources: &mut Sources) -> Result<Plan, Error> {
    let mut plan = Plan::make(source, sources).map_err(Error::Refused)?;
    plan.resolve_kernel_types().map_err(Error::Refused)?;
    start::add_frames(&mut plan, &options.log);
    start::warn(&plan, &options.log);
    confine::check(&plan)?;
    check_pid_file(options)?;
    Ok(plan)
}
