//! `/status`, and what `corexdp status` shows: all there is to know, as JSON.

use std::fmt::{self, Write};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant, SystemTime};

use nix::time::{ClockId, clock_gettime};

use super::Overview;
use crate::base::json::Scalar::{Number, Shown, Text, Truth};
use crate::base::text::Text as Page;
use crate::base::utc::Utc;
use crate::filter::Filter;
use crate::kernel::program::Program;
use crate::kernel::{info, statistics};

impl Overview<'_> {
    /// Writes `/status`; how long it is, or `None` when it does not fit.
    pub fn status(&mut self, page: &mut [u8]) -> Option<usize> {
        let mut text = Page::new(page);
        self.json(&mut text).ok()?;
        Some(text.len())
    }

    fn json(&mut self, text: &mut Page<'_>) -> fmt::Result {
        self.head(text)?;
        text.write_str(",\"pages\":[")?;
        for (index, address) in self.pages.iter().enumerate() {
            text.write_str(comma(index))?;
            text.json(Shown(format_args!("http://{address}/")))?;
        }
        text.write_str("],\"filters\":[")?;
        for (index, filter) in self.filters.iter().enumerate() {
            text.write_str(comma(index))?;
            self.filter(text, filter)?;
        }
        text.write_str("]}\n")
    }

    /// All times are in seconds since 1970, but for `confirm_within`, which is in seconds from now.
    fn head(&self, text: &mut Page<'_>) -> fmt::Result {
        let left = |until: Instant| until.saturating_duration_since(Instant::now()).as_secs();
        text.open(&[
            ("version", Text(Some(env!("CARGO_PKG_VERSION")))),
            ("pid", Number(Some(self.process.pid.into()))),
            ("started", Number(Some(self.process.at().0))),
            // Null for a name that is no UTF-8.
            ("corefile", Text(self.source.name())),
            ("confirm_within", Number(self.confirm.map(left))),
        ])?;
        text.write_str(",\"reloads\":")?;
        text.open(&[
            ("success", Number(Some(self.reloads.successes))),
            ("failure", Number(Some(self.reloads.failures))),
        ])?;
        text.write_str("},\"last_reload\":")?;
        let Some(last) = &self.reloads.last else {
            return text.write_str("null");
        };
        let result = if last.error.is_none() {
            "success"
        } else {
            "failure"
        };
        text.open(&[
            ("time", Number(Some(Utc::from(last.at).0))),
            ("result", Text(Some(result))),
            ("error", Text(last.error.as_deref())),
        ])?;
        text.write_str("}")
    }

    /// One filter.
    fn filter(&mut self, text: &mut Page<'_>, filter: &Filter) -> fmt::Result {
        let attachment = filter.attachment();
        let exit = if filter.holds() { "hold" } else { "detach" };
        text.open(&[
            ("interface", Text(Some(&filter.interface))),
            ("attached", Truth(attachment.is_some())),
            ("mode", Text(attachment.map(|one| one.mode.name()))),
            ("reason", Text(filter.reason())),
            ("exit", Text(Some(exit))),
            ("reattached", Number(Some(filter.reattached))),
        ])?;
        text.write_str(",\"program\":")?;
        program(text, &filter.program)?;
        text.write_str(",\"maps\":[")?;
        for (index, read) in filter.read_maps.iter().enumerate() {
            text.write_str(comma(index))?;
            let entries = self.entries(filter, read);
            let shape = read.map.shape();
            text.open(&[
                ("name", Text(Some(&read.name))),
                ("type", Text(shape.kind.name())),
                // Null when they can't be counted.
                ("entries", Number(entries)),
                ("capacity", Number(Some(shape.max_entries.into()))),
            ])?;
            text.write_str("}")?;
        }
        text.write_str("],\"metrics\":[")?;
        let mut index = 0;
        self.numbers(filter, |metric, value| {
            text.write_str(comma(index))?;
            index += 1;
            text.open(&[
                ("name", Text(Some(&metric.name))),
                ("type", Text(Some(metric.kind.name()))),
                ("value", value.into()),
                ("help", Text(Some(&metric.help))),
            ])?;
            text.write_str("}")
        })?;
        text.write_str("]}")
    }
}

/// What is known of a program; of one that the kernel says nothing of, null.
fn program(text: &mut Page<'_>, program: &Program) -> fmt::Result {
    let Ok(done) = info::statistics(program.as_fd()) else {
        return text.write_str("null");
    };
    let counted = done.runs > 0 || statistics::are_counted();
    let loaded = loaded_at(Duration::from_nanos(done.loaded));
    text.open(&[
        ("name", Text(Some(&program.info.name))),
        ("id", Number(Some(program.info.id.into()))),
        (
            "tag",
            Shown(format_args!("{:016x}", u64::from_be_bytes(done.tag))),
        ),
        ("loaded_at", Number(Some(Utc::from(loaded).0))),
        // Null while the kernel does not count.
        ("runs", Number(counted.then_some(done.runs))),
        ("run_time_ns", Number(counted.then_some(done.run_time))),
    ])?;
    text.write_str("}")
}

/// A time that the kernel counts from the machine's start.
fn loaded_at(since_boot: Duration) -> SystemTime {
    let up = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from);
    let age = up.unwrap_or_default().saturating_sub(since_boot);
    let now = SystemTime::now();
    now.checked_sub(age).unwrap_or(now)
}

/// What stands before the element with this number.
const fn comma(index: usize) -> &'static str {
    if index == 0 { "" } else { "," }
}
