//! What the page's worker asks for, and what it is given.

use super::event_loop::Daemon;
use super::lifecycle::Readiness;
use crate::base::capacity::MAX_FILTERS;
use crate::config::Service;
use crate::http::server::{Heard, Server};
use crate::http::{Content, Made};
use crate::views::Overview;

impl Daemon<'_> {
    /// Hears the worker, and answers.
    pub(super) fn hear(&mut self) {
        let options = self.options;
        let log = &options.log;
        let Some(server) = &mut self.server else {
            return;
        };
        match server.hear() {
            Heard::Nothing => {}
            Heard::Death if self.keeper.is_some() => {
                log.warn("page: the worker died; starting another");
            }
            Heard::Death => log.error("page: the worker died, and its keeper before; no page is served until corexdp is started again"),
            Heard::Request(content) => {
                let readiness = self.readiness();
                let (mut overview, server) = self.overview();
                let Some(server) = server else { return };
                server.answer(|page| {
                    let length = match content {
                        Content::Metrics => overview.metrics(page),
                        Content::Html => overview.page(page),
                        Content::Status => overview.status(page),
                        Content::Health => return Readiness::of_the_living().write(page),
                        Content::Ready => return readiness.write(page),
                    };
                    let made = length.map(|length| Made { length, good: true });
                    if made.is_none() {
                        log.error(
                            "page: does not fit; COREXDP_MAX_PAGE sets its size at build time",
                        );
                    }
                    made
                });
            }
        }
    }

    /// All that pages are made of, and who serves them.
    pub(super) fn overview(&mut self) -> (Overview<'_>, Option<&mut Server>) {
        let addresses = self.server.iter().flat_map(Server::addresses);
        let of_pages = |(service, address)| (service == Service::Metrics).then_some(address);
        let overview = Overview {
            pages: addresses.filter_map(of_pages).take(MAX_FILTERS).collect(),
            filters: &self.filters,
            scan: &mut self.scan,
            read_errors: &mut self.read_errors,
            reloads: &self.reloads,
            process: &self.birth,
            source: &self.options.source,
            confirm: self.pending.as_ref().map(|pending| pending.until),
            log: &self.options.log,
        };
        (overview, self.server.as_mut())
    }
}
