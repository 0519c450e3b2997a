//! The directive `reload`: polls for changes of the Corefile, its imports and the objects.

use std::time::{Duration, Instant};

use crate::config::Config;
use crate::daemon::state::Daemon;
use crate::kernel::random;
use crate::plan::sources::Sources;

/// Schedule of the polls, and the content with which each poll compares the files.
#[derive(Debug)]
pub(in crate::daemon) struct ReloadWatch {
    /// Period with jitter.
    period: Duration,
    /// Time of the next poll.
    at: Instant,
    /// Content of the last reload, even if it was refused: a reload of the same content is not retried.
    sources: Sources,
}

/// Random seed of the reload jitter, so that many boxes do not poll at the same time; 0 if the kernel has no random bytes.
pub(in crate::daemon) fn jitter_seed() -> u32 {
    random::bytes().map_or(0, u32::from_ne_bytes)
}

impl ReloadWatch {
    /// The watch of the directive `reload`; `None` without that directive.
    pub(in crate::daemon) fn new(
        config: &Config,
        jitter_seed: u32,
        sources: Sources,
    ) -> Option<Self> {
        let period = config.reload?.period(jitter_seed);
        Some(Self {
            period,
            at: Instant::now() + period,
            sources,
        })
    }

    /// Time of the next poll.
    pub(in crate::daemon) const fn at(&self) -> Instant {
        self.at
    }

    /// Records the content of a refused reload.
    pub(in crate::daemon) fn refused(&mut self, sources: Sources) {
        self.sources = sources;
    }
}

impl Daemon<'_> {
    /// Reloads if a poll is due and finds a change, unless a confirmation is pending.
    pub(in crate::daemon) fn reload_if_changed(&mut self) {
        let now = Instant::now();
        let watch = self.reloading.watch.as_mut();
        let Some(watch) = watch.filter(|watch| watch.at <= now) else {
            return;
        };
        watch.at = now + watch.period;
        let changed = watch.sources.have_changed();
        // The timer has woken the daemon anyway, so the check costs no wakeup.
        self.verify_filters();
        if self.reloading.pending.is_some() || !changed {
            return;
        }
        let log = &self.options.log;
        log.info("reload: the Corefile or what it names has changed");
        // `reload` logs the error.
        let _ = self.reload(None);
    }
}
