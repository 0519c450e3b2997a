//! The directive `reload`: looks from time to time whether anything was changed that the Corefile's content comes from.

use std::time::{Duration, Instant};

use crate::config::Config;
use crate::daemon::event_loop::Daemon;
use crate::kernel::random;
use crate::log::Log;
use crate::plan::sources::Sources;

/// When to look next, and what at.
#[derive(Debug)]
pub(in crate::daemon) struct ReloadWatch {
    every: Duration,
    at: Instant,
    /// What was read the last time, be it good or not: what was refused is not tried again.
    sources: Sources,
}

/// A number that is another on each box, drawn while that can be done; without one all look at the same time.
pub(in crate::daemon) fn jitter_seed() -> u32 {
    random::bytes().map_or(0, u32::from_ne_bytes)
}

impl ReloadWatch {
    /// As the Corefile asks for it, if it does.
    pub(in crate::daemon) fn new(
        config: &Config,
        jitter_seed: u32,
        sources: Sources,
    ) -> Option<Self> {
        let every = config.reload?.every(jitter_seed);
        Some(Self {
            every,
            at: Instant::now() + every,
            sources,
        })
    }

    /// When to look.
    pub(in crate::daemon) const fn at(&self) -> Instant {
        self.at
    }

    /// What was read by a reload that was refused.
    pub(in crate::daemon) fn refused(&mut self, sources: Sources) {
        self.sources = sources;
    }
}

impl Daemon<'_> {
    /// Reloads if it is time to look and there is something new. What waits to be confirmed is waited for.
    pub(in crate::daemon) fn renew(&mut self) {
        let now = Instant::now();
        let Some(renewal) = self.renewal.as_mut().filter(|renewal| renewal.at <= now) else {
            return;
        };
        renewal.at = now + renewal.every;
        if self.pending.is_some() || !renewal.sources.have_changed() {
            return;
        }
        let log: &Log = &self.options.log;
        log.info("reload: the Corefile or what it names has changed");
        // The log has it.
        let _ = self.reload(None);
    }
}
