//! The directive `reload`: polls for changes of the Corefile, its imports and the objects.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::config::Config;
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

    /// Polls if the poll is due: true if the files have changed, `None` before the time of the poll.
    pub(super) fn poll(&mut self) -> Option<bool> {
        let now = Instant::now();
        if self.at > now {
            return None;
        }
        self.at = now + self.period;
        Some(self.sources.have_changed())
    }

    /// Records that the content of the Corefile, which was read from another file, is in the Corefile at `path` now.
    pub(super) fn confirmed(&mut self, path: &Path) {
        self.sources.move_first(path);
    }

    /// Records the content of a refused reload.
    pub(in crate::daemon) fn refused(&mut self, sources: Sources) {
        self.sources = sources;
    }
}
