//! The daemon's answers to requests of the page's worker.

use std::fmt::Write as _;

use super::state::Daemon;
use crate::base::capacity::MAX_FILTERS;
use crate::config::MAX_INTERFACE;
use crate::filter::Filter;
use crate::http::server::{Received, Server};
use crate::http::{Content, Rendered};
use crate::views::Overview;

/// Bytes of the longest `/ready` response: the names of all interfaces, each with a comma.
const READY_TEXT: usize = (MAX_INTERFACE + 1) * (MAX_FILTERS + 1);

impl Daemon<'_> {
    /// Answers the worker's request.
    pub(super) fn answer_worker(&mut self) {
        let options = self.options;
        let log = &options.log;
        let Some(server) = &mut self.page.server else {
            return;
        };
        match server.receive() {
            Received::Nothing => {}
            Received::WorkerDied if self.page.keeper.is_some() => {
                log.warn("page: the worker died; starting another");
            }
            Received::WorkerDied => log.error("page: the worker died after its keeper; no page is served until corexdp is started again"),
            Received::Request(content) => {
                self.verify_filters();
                let filters = self.filters.iter_mut();
                match content {
                    Content::Metrics => filters.for_each(Filter::count_lost_answers),
                    Content::Html | Content::Status => filters.for_each(Filter::renew_warnings),
                    Content::Health | Content::Ready => {}
                }
                let readiness = Readiness::of(self);
                let (mut overview, server) = self.overview();
                let Some(server) = server else { return };
                server.answer(|buffer| {
                    let length = match content {
                        Content::Metrics => overview.metrics(buffer),
                        Content::Html => overview.page(buffer),
                        Content::Status => overview.status(buffer),
                        Content::Health => return Readiness::ok().write(buffer),
                        Content::Ready => return readiness.write(buffer),
                    };
                    let rendered = length.map(|length| Rendered { length, available: true });
                    if rendered.is_none() {
                        log.error(
                            "page: larger than its buffer; build with a larger COREXDP_MAX_PAGE",
                        );
                    }
                    rendered
                });
            }
        }
    }

    /// The input of the views, and the server that sends what they render.
    pub(super) fn overview(&mut self) -> (Overview<'_>, Option<&mut Server>) {
        let pending = self.reloading.pending.as_ref();
        let running = &self.reloading.running;
        let fallback = self.options.fallback.as_ref();
        let control = self.control.state(self.options);
        let overview = Overview {
            listeners: self.page.states().chain([control]).collect(),
            filters: &self.filters,
            scan: &mut self.map_reads.scan,
            read_errors: &mut self.map_reads.errors,
            readings: &mut self.map_reads.readings,
            reloads: &self.reloading.results,
            process: &self.process,
            source: &self.options.source,
            confirm: pending.map(|pending| pending.until),
            trial: pending
                .and_then(|pending| pending.trial.as_ref())
                .map(|trial| &trial.source),
            fallback: fallback.filter(|_| running.is_fallback),
            sha256: running.sha256,
            log: &self.options.log,
        };
        (overview, self.page.server.as_mut())
    }
}

/// A response of `/health` or `/ready`.
struct Readiness {
    text: heapless::String<READY_TEXT>,
    /// True for status 200, false for 503.
    available: bool,
}

impl Readiness {
    /// The response of `/ready`: `OK`, or the names of the interfaces whose filter is not attached.
    fn of(daemon: &Daemon<'_>) -> Self {
        let mut text = heapless::String::new();
        if !daemon.serving.until_ready {
            let detached = |filter: &&Filter| filter.attachment().is_none();
            for filter in daemon.filters.iter().filter(detached) {
                let comma = if text.is_empty() { "" } else { "," };
                // Cannot fail: the buffer has room for all names.
                let _ = write!(text, "{comma}{}", filter.interface);
            }
            if text.is_empty() && daemon.shutdown.is_some() {
                let _ = text.push_str("stopping");
            }
        }
        if text.is_empty() {
            return Self::ok();
        }
        Self {
            text,
            available: false,
        }
    }

    fn ok() -> Self {
        let mut text = heapless::String::new();
        let _ = text.push_str("OK");
        Self {
            text,
            available: true,
        }
    }

    /// Writes the text to the start of `buffer`.
    fn write(&self, buffer: &mut [u8]) -> Option<Rendered> {
        let length = self.text.len();
        buffer
            .get_mut(..length)?
            .copy_from_slice(self.text.as_bytes());
        Some(Rendered {
            length,
            available: self.available,
        })
    }
}
