//! `/`: the HTML page.

use std::fmt;

use super::Overview;
use super::markup::{self, DaemonFacts, Fill, FilterFacts};
use super::reloads::Outcome;
use crate::base::text::Text;
use crate::filter::{Filter, Stage};

impl Overview<'_> {
    /// Writes `/` and returns its length in bytes; `None` if the text does not fit.
    pub fn page(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let mut text = Text::new(buffer);
        self.html(&mut text).ok()?;
        Some(text.len())
    }

    fn html(&mut self, text: &mut Text<'_>) -> fmt::Result {
        let filters = self.filters;
        let attached = |filter: &Filter| filter.attachment().is_some();
        let names = filters
            .iter()
            .map(|filter| (filter.interface.as_str(), attached(filter)));
        markup::begin(text, &names)?;
        self.reload_state(text)?;
        for listener in &self.listeners {
            if let Some(error) = listener.error {
                markup::unserved(text, listener.service, &listener.address, error)?;
            }
        }
        for filter in filters {
            for stage in filter.stages() {
                self.section(text, filter, stage)?;
            }
        }
        markup::begin_log(text)?;
        self.log.recent(|line| markup::line(text, line))?;
        let reloads = self.reloads;
        let facts = DaemonFacts {
            since: self.process.at(),
            read: reloads.last_success.into(),
            successes: reloads.successes,
            failures: reloads.failures,
            unconfirmed: reloads.unconfirmed,
            read_errors: *self.read_errors,
        };
        markup::end(text, &facts)
    }

    /// Writes the pending confirmation, and the last reload if it failed or was rolled back.
    fn reload_state(&self, text: &mut Text<'_>) -> fmt::Result {
        if let Some(seconds) = self.confirm_within() {
            markup::pending(text, seconds)?;
        }
        match self
            .reloads
            .last
            .as_ref()
            .map(|last| (last.outcome, last.at.into()))
        {
            Some((Outcome::Failure, at)) => markup::reload_failed(text, at),
            Some((Outcome::Unconfirmed, at)) => markup::reload_unconfirmed(text, at),
            _ => Ok(()),
        }
    }

    /// Writes the section of a stage.
    fn section(&mut self, text: &mut Text<'_>, filter: &Filter, stage: &Stage) -> fmt::Result {
        let facts = FilterFacts {
            interface: &filter.interface,
            program: &stage.program.info.name,
            id: stage.program.info.id,
            mode: filter.attachment().map(|attachment| attachment.mode),
            reason: filter.reason(),
            obstacle: filter.obstacle(),
            reattached: filter.reattached,
        };
        markup::begin_filter(text, &facts, filter.warnings())?;
        markup::verdicts(text, &filter.interface, self.totals(stage).as_ref())?;
        if !stage.metrics.is_empty() {
            markup::begin_metrics(text, &filter.interface)?;
            self.each_metric(stage, |metric, number| {
                markup::metric(text, &metric.help, &metric.name, number)
            })?;
            markup::end_metrics(text)?;
        }
        for read in &stage.read_maps {
            let shape = read.map.shape();
            let fill = if shape.kind.is_array() {
                Fill::Array
            } else {
                self.entries(stage, read)
                    .map_or(Fill::Unread, Fill::Entries)
            };
            markup::map(text, &read.name, fill, shape.max_entries)?;
        }
        markup::end_filter(text)
    }
}
