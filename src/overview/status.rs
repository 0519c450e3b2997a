//! `/status`, and what `corexdp status` shows: all there is to know, as JSON.

use std::fmt::{self, Write};
use std::time::{Duration, Instant, SystemTime};

use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::reloads::seconds;
use super::{Overview, maps_of};
use crate::filter::Filter;
use crate::kernel::{info, statistics};
use crate::metrics::{Text, Total};
use crate::plan::Source;

/// Times are in seconds since 1970, but for `confirm_within`, which are seconds from now.
#[derive(Serialize)]
struct Head<'a> {
    version: &'a str,
    pid: u32,
    started: u64,
    /// Null for a name that is no UTF-8.
    corefile: Option<&'a str>,
    reloads: Reloads,
    last_reload: Option<LastReload<'a>>,
    confirm_within: Option<u64>,
}

#[derive(Serialize)]
struct Reloads {
    success: u64,
    failure: u64,
}

#[derive(Serialize)]
struct LastReload<'a> {
    time: u64,
    result: &'a str,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct FilterHead<'a> {
    interface: &'a str,
    attached: bool,
    mode: Option<&'a str>,
    /// Why it is not attached natively, where that was wanted.
    reason: Option<&'a str>,
    exit: &'a str,
    reattached: u64,
}

#[derive(Serialize)]
struct Program<'a> {
    name: &'a str,
    id: u32,
    tag: fmt::Arguments<'a>,
    loaded_at: u64,
    /// Null while the kernel does not count; so is the time they took.
    runs: Option<u64>,
    run_time_ns: Option<u64>,
}

#[derive(Serialize)]
struct Map<'a> {
    name: &'a str,
    r#type: Option<&'a str>,
    /// Null when they can't be counted.
    entries: Option<u64>,
    capacity: u32,
}

#[derive(Serialize)]
struct Metric<'a> {
    name: &'a str,
    r#type: &'a str,
    value: Total,
    help: &'a str,
}

impl Overview<'_> {
    /// Writes `/status`; how long it is, or `None` when it does not fit.
    pub fn status(&mut self, page: &mut [u8]) -> Option<usize> {
        let mut text = Text::new(page);
        self.json(&mut text).ok()?;
        Some(text.len())
    }

    fn json(&mut self, text: &mut Text<'_>) -> fmt::Result {
        self.head(text)?;
        text.write_str(",\"pages\":[")?;
        for (index, address) in self.pages.iter().enumerate() {
            comma(text, index)?;
            text.json(&format_args!("http://{address}/"))?;
        }
        text.write_str("],\"filters\":[")?;
        let mut number = 0;
        for (index, filter) in self.filters.iter().enumerate() {
            comma(text, index)?;
            self.filter(text, filter, number)?;
            number += filter.chosen.len();
        }
        text.write_str("]}\n")
    }

    fn head(&self, text: &mut Text<'_>) -> fmt::Result {
        let last = self.reloads.last.as_ref().map(|last| LastReload {
            time: seconds(last.at),
            result: if last.error.is_none() {
                "success"
            } else {
                "failure"
            },
            error: last.error.as_deref(),
        });
        let left = |until: Instant| until.saturating_duration_since(Instant::now()).as_secs();
        text.open(&Head {
            version: env!("CARGO_PKG_VERSION"),
            pid: self.process.pid,
            started: self.process.seconds(),
            corefile: match self.source {
                Source::Stdin => Some("stdin"),
                Source::File(path) => path.to_str(),
            },
            reloads: Reloads {
                success: self.reloads.successes,
                failure: self.reloads.failures,
            },
            last_reload: last,
            confirm_within: self.confirm.map(left),
        })
    }

    /// One filter; its first map has this number among all that are read.
    fn filter(&mut self, text: &mut Text<'_>, filter: &Filter, number: usize) -> fmt::Result {
        let attachment = filter.attachment();
        text.open(&FilterHead {
            interface: &filter.interface,
            attached: attachment.is_some(),
            mode: attachment.map(|attachment| attachment.mode.name()),
            reason: filter.reason(),
            exit: if filter.holds() { "hold" } else { "detach" },
            reattached: filter.reattached,
        })?;
        text.write_str(",\"program\":")?;
        program(text, &filter.program)?;
        text.write_str(",\"maps\":[")?;
        for (index, (_, chosen)) in maps_of(filter).enumerate() {
            comma(text, index)?;
            let entries = self.entries(number + index, filter, &chosen.map);
            let shape = chosen.map.shape();
            text.json(&Map {
                name: &chosen.name,
                r#type: shape.kind.name(),
                entries,
                capacity: shape.max_entries,
            })?;
        }
        text.write_str("],\"metrics\":[")?;
        let mut index = 0;
        self.numbers(filter, |metric, value| {
            comma(text, index)?;
            index += 1;
            text.json(&Metric {
                name: &metric.name,
                r#type: metric.kind.name(),
                value,
                help: &metric.help,
            })
        })?;
        text.write_str("]}")
    }
}

/// What is known of a program; of one that the kernel says nothing of, null.
fn program(text: &mut Text<'_>, program: &crate::kernel::program::Program) -> fmt::Result {
    use std::os::fd::AsFd as _;
    let Ok(done) = info::statistics(program.as_fd()) else {
        return text.write_str("null");
    };
    let counted = (done.runs > 0 || statistics::are_counted()).then_some(done);
    text.json(&Program {
        name: &program.info.name,
        id: program.info.id,
        tag: format_args!("{:016x}", u64::from_be_bytes(done.tag)),
        loaded_at: seconds(loaded_at(Duration::from_nanos(done.loaded))),
        runs: counted.map(|done| done.runs),
        run_time_ns: counted.map(|done| done.run_time),
    })
}

/// A time that the kernel counts from the machine's start.
fn loaded_at(since_boot: Duration) -> SystemTime {
    let up = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from);
    let age = up.unwrap_or_default().saturating_sub(since_boot);
    let now = SystemTime::now();
    now.checked_sub(age).unwrap_or(now)
}

fn comma(text: &mut Text<'_>, index: usize) -> fmt::Result {
    text.write_str(if index == 0 { "" } else { "," })
}
