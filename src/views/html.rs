//! `/`: the HTML page.

use std::fmt;

use nix::sys::utsname::uname;

use super::Overview;
use super::markup::{self, DaemonFacts, Fill, FilterFacts, ProgramFacts};
use super::readings::Growth;
use super::reloads::Outcome;
use super::totals::{FAULT, VerdictTotals};
use crate::base::capacity::MAX_METRICS;
use crate::base::text::Text;
use crate::config::Metric;
use crate::filter::{Filter, ReadMap, Stage};

impl Overview<'_> {
    /// Writes `/` and returns its length in bytes; `None` if the text does not fit.
    pub fn page(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let mut text = Text::new(buffer);
        self.read_totals();
        self.html(&mut text).ok()?;
        Some(text.len())
    }

    fn html(&mut self, text: &mut Text<'_>) -> fmt::Result {
        let filters = self.filters;
        let attached = |filter: &Filter| filter.attachment().is_some();
        let names = filters
            .iter()
            .map(|filter| (filter.interface.as_str(), attached(filter)));
        let system = uname();
        let host = system
            .as_ref()
            .ok()
            .and_then(|system| system.nodename().to_str());
        markup::begin(text, host.unwrap_or("unknown host"), &names)?;
        self.banners(text)?;
        markup::begin_filters(text, self.readings.period())?;
        for filter in filters {
            self.section(text, filter)?;
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

    /// Writes the states that need a person, the most urgent first.
    fn banners(&self, text: &mut Text<'_>) -> fmt::Result {
        markup::begin_banners(text)?;
        for filter in self.filters {
            if filter.attachment().is_none() {
                markup::unattached(text, &filter.interface, filter.obstacle())?;
            }
        }
        for filter in self.filters {
            for stage in filter.stages() {
                self.aborts(text, filter, stage)?;
            }
        }
        if let Some(fallback) = self.fallback {
            markup::fallback(text, fallback.name().unwrap_or_default())?;
        }
        self.reload_state(text)?;
        for listener in &self.listeners {
            if let Some(error) = listener.error {
                markup::unserved(text, listener.service, &listener.address, error)?;
            }
        }
        markup::end_banners(text)
    }

    /// Writes that the program of a stage has lately aborted packets.
    fn aborts(&self, text: &mut Text<'_>, filter: &Filter, stage: &Stage) -> fmt::Result {
        if !self.readings.aborts(stage.program.info.id) {
            return Ok(());
        }
        let mut totals = self.totals(stage).into_iter().flatten();
        let Some(total) = totals.find(|total| total.verdict == FAULT) else {
            return Ok(());
        };
        let growth = self.growth(stage, total);
        let rate = growth.map(Growth::packet_rate);
        let names = (filter.interface.as_str(), stage.object.as_str());
        markup::aborts(text, names, total.packets, rate)
    }

    /// Writes the pending confirmation, and the last reload if it failed or was rolled back.
    fn reload_state(&self, text: &mut Text<'_>) -> fmt::Result {
        if let Some(seconds) = self.confirm_within() {
            markup::pending(text, seconds, self.trial_name())?;
        }
        let Some(last) = &self.reloads.last else {
            return Ok(());
        };
        match last.outcome {
            Outcome::Failure => {
                let error = last.error.as_deref().unwrap_or_default();
                markup::reload_failed(text, last.at.into(), error)
            }
            Outcome::Unconfirmed => {
                let error = last.error.as_deref().unwrap_or_default();
                markup::reload_unconfirmed(text, last.at.into(), error)
            }
            Outcome::Success | Outcome::Pending => Ok(()),
        }
    }

    /// Writes the section of an interface.
    fn section(&mut self, text: &mut Text<'_>, filter: &Filter) -> fmt::Result {
        let facts = FilterFacts {
            interface: &filter.interface,
            mode: filter.attachment().map(|attachment| attachment.mode),
            reason: filter.reason(),
            reattached: filter.reattached,
        };
        markup::begin_filter(text, &facts, filter.warnings())?;
        for stage in filter.stages() {
            self.program(text, filter, stage)?;
        }
        markup::end_filter(text)
    }

    /// Writes the block of a program: verdicts, then metrics, then the rows at zero, then maps and lists.
    fn program(&mut self, text: &mut Text<'_>, filter: &Filter, stage: &Stage) -> fmt::Result {
        markup::begin_program(
            text,
            &ProgramFacts {
                object: &stage.object,
                program: &stage.program.info.name,
                id: stage.program.info.id,
            },
        )?;
        self.verdicts(text, filter, stage)?;
        self.metrics_table(text, filter, stage)?;
        for read in &stage.read_maps {
            self.map(text, stage, read)?;
        }
        for list in &stage.lists {
            markup::list(text, list)?;
        }
        markup::end_program(text)
    }

    /// Writes the verdicts that packets had. Passed and dropped packets always have a row, so that the page does not jump
    /// at the first packet.
    fn verdicts(&self, text: &mut Text<'_>, filter: &Filter, stage: &Stage) -> fmt::Result {
        let Some(totals) = self.totals(stage) else {
            return markup::uncounted(text);
        };
        markup::begin_verdicts(text, &filter.interface)?;
        for total in totals.iter().filter(|total| is_shown(total)) {
            markup::verdict(text, total, self.growth(stage, total))?;
        }
        markup::end_table(text)
    }

    /// Writes the metrics, and folded those at 0 with the verdicts without packets.
    fn metrics_table(
        &mut self,
        text: &mut Text<'_>,
        filter: &Filter,
        stage: &Stage,
    ) -> fmt::Result {
        let mut zeros = heapless::Vec::<&Metric, MAX_METRICS>::new();
        let mut begun = false;
        markup::begin_part(text)?;
        self.each_metric(stage, |metric, number| {
            // Cannot fail: the list has room for all metrics.
            if number.is_zero() && zeros.push(metric).is_ok() {
                return Ok(());
            }
            if !begun {
                markup::begin_metrics(text, &filter.interface)?;
                begun = true;
            }
            markup::metric(text, &metric.help, &metric.name, number)
        })?;
        if begun {
            markup::end_table(text)?;
        }
        markup::end_part(text)?;
        let unseen = self.totals(stage).into_iter().flatten();
        let unseen = unseen.filter(|total| !is_shown(total));
        let count = unseen.clone().count() + zeros.len();
        markup::begin_part(text)?;
        if count > 0 {
            markup::begin_zeros(text, &filter.interface, count)?;
            for total in unseen {
                markup::zero_verdict(text, total.verdict)?;
            }
            for metric in zeros {
                markup::metric(text, &metric.help, &metric.name, 0)?;
            }
            markup::end_zeros(text)?;
        }
        markup::end_part(text)
    }

    fn map(&mut self, text: &mut Text<'_>, stage: &Stage, read: &ReadMap) -> fmt::Result {
        let shape = read.content.shape();
        let fill = if shape.kind.is_array() {
            Fill::Array
        } else {
            self.entries(stage, read)
                .map_or(Fill::Unread, Fill::Entries)
        };
        markup::map(
            text,
            &read.name,
            fill,
            shape.max_entries,
            stage.decisions(&read.name),
        )
    }
}

/// True for a verdict that has a row of its own.
fn is_shown(total: &VerdictTotals) -> bool {
    total.is_usual() || total.packets > 0
}
