//! `/status` and `corexdp status --json`: the whole status as JSON.

use std::fmt;
use std::os::fd::AsFd as _;
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use serde::{Serialize, Serializer};

use super::Overview;
use super::listeners::{ListenerState, Unserved, Url};
use super::lists::ListJson;
use super::totals::VerdictTotals;
use crate::base::json::Writer;
use crate::base::text::Text;
use crate::base::utc::Utc;
use crate::encode::integer::Total;
use crate::filter::{Filter, Stage, Warning};
use crate::kernel::program::Program;
use crate::kernel::{info, statistics};

/// The daemon. Times are in seconds since 1970.
#[derive(Serialize)]
struct DaemonJson<'a> {
    version: &'a str,
    pid: u64,
    started: u64,
    /// Path of the Corefile; `None` for a path that is not UTF-8.
    corefile: Option<&'a str>,
    /// Seconds left for the pending confirmation.
    confirm_within: Option<u64>,
    /// Path of the file on trial; `None` for a path that is not UTF-8.
    trial: Option<&'a str>,
    /// Path of the fallback, if it runs; `None` for a path that is not UTF-8.
    fallback: Option<&'a str>,
    /// SHA-256 of the Corefile that runs.
    sha256: Digits,
    reloads: ReloadsJson,
    last_reload: Option<ReloadJson<'a>>,
    /// Milliseconds since an earlier reading of the verdicts, in which they grew by `period_packets` and `period_bytes`.
    period_ms: Option<u64>,
}

#[derive(Serialize)]
struct ReloadsJson {
    success: u64,
    failure: u64,
    unconfirmed: u64,
}

#[derive(Serialize)]
struct ReloadJson<'a> {
    time: u64,
    result: &'a str,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct ListenerJson<'a> {
    service: &'a str,
    address: &'a str,
    up: bool,
    /// `None` for the control socket, and while the listener is closed.
    url: Option<Url>,
    error: Option<Unserved>,
}

#[derive(Serialize)]
struct FilterJson<'a> {
    interface: &'a str,
    /// Number of the stage on its interface, from 1.
    stage: u64,
    object: &'a str,
    attached: bool,
    mode: Option<&'a str>,
    /// Reason why the mode is not native, or why the filter is not attached.
    reason: Option<&'a str>,
    exit: &'a str,
    reattached: u64,
    /// `None` if the kernel does not describe the program.
    program: Option<ProgramJson<'a>>,
}

#[derive(Serialize)]
struct ProgramJson<'a> {
    name: &'a str,
    id: u64,
    tag: Tag,
    loaded_at: u64,
    /// `None` unless the kernel's statistics are enabled.
    runs: Option<u64>,
    /// `None` unless the kernel's statistics are enabled.
    run_time_ns: Option<u64>,
}

#[derive(Serialize)]
struct VerdictJson {
    verdict: &'static str,
    packets: u64,
    bytes: u64,
    period_packets: Option<u64>,
    period_bytes: Option<u64>,
}

/// A warning as text.
struct WarningText(Warning);

/// The digits of a hash.
struct Digits(heapless::String<64>);

/// The digest of a program as 16 hexadecimal digits, like in bpftool.
struct Tag([u8; 8]);

#[derive(Serialize)]
struct MapJson<'a> {
    name: &'a str,
    r#type: Option<&'a str>,
    /// `None` when the entries cannot be counted.
    entries: Option<u64>,
    capacity: u64,
    /// Entries that `corexdp add` added.
    decisions: u64,
}

#[derive(Serialize)]
struct MetricJson<'a> {
    name: &'a str,
    r#type: &'a str,
    value: Total,
    help: &'a str,
}

impl Serialize for WarningText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:016x}", u64::from_be_bytes(self.0)))
    }
}

impl Overview<'_> {
    /// Writes `/status` and returns its length in bytes; `None` if the text does not fit.
    pub fn status(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let mut text = Text::new(buffer);
        self.read_totals();
        self.json(Writer::new(&mut text)).ok()?;
        Some(text.len())
    }

    fn json(&mut self, mut json: Writer<'_>) -> fmt::Result {
        json.begin_object(&self.daemon());
        let pages = self
            .listeners
            .iter()
            .filter(|listener| listener.service == "page");
        json.list("pages", pages.filter_map(|page| page.url));
        json.list("listeners", self.listeners.iter().map(listener));
        json.member("filters");
        json.begin_list();
        for filter in self.filters {
            for (number, stage) in (1..).zip(filter.stages()) {
                self.stage(&mut json, filter, stage, number)?;
            }
        }
        json.end_list();
        json.end_object();
        json.end()
    }

    fn daemon(&self) -> DaemonJson<'_> {
        DaemonJson {
            version: env!("CARGO_PKG_VERSION"),
            pid: self.process.pid.into(),
            started: self.process.at().0,
            corefile: self.source.name(),
            confirm_within: self.confirm_within(),
            trial: self.trial_name(),
            fallback: self.fallback_name(),
            sha256: Digits(self.sha256()),
            reloads: ReloadsJson {
                success: self.reloads.successes,
                failure: self.reloads.failures,
                unconfirmed: self.reloads.unconfirmed,
            },
            last_reload: self.reloads.last.as_ref().map(|last| ReloadJson {
                time: Utc::from(last.at).0,
                result: last.outcome.name(),
                error: last.error.as_deref(),
            }),
            period_ms: self.readings.period(),
        }
    }

    fn stage(
        &mut self,
        json: &mut Writer<'_>,
        filter: &Filter,
        stage: &Stage,
        number: u64,
    ) -> fmt::Result {
        let attachment = filter.attachment();
        json.begin_object(&FilterJson {
            interface: &filter.interface,
            stage: number,
            object: &stage.object,
            attached: attachment.is_some(),
            mode: attachment.map(|attachment| attachment.mode.name()),
            reason: filter.reason().or_else(|| filter.obstacle()),
            exit: if filter.holds() { "hold" } else { "detach" },
            reattached: filter.reattached,
            program: program(&stage.program),
        });
        json.list("warnings", filter.warnings().map(WarningText));
        if let Some(totals) = self.totals(stage) {
            let totals = totals.iter();
            json.list("verdicts", totals.map(|total| self.verdict(stage, total)));
        } else {
            json.member("verdicts");
            json.value(&None::<u64>);
        }
        // null for a program whose packets cannot be sampled.
        json.member("samples_lost");
        json.value(&self.lost_samples(stage));
        json.member("maps");
        json.begin_list();
        for read in &stage.read_maps {
            let entries = self.entries(stage, read);
            let shape = read.content.shape();
            json.value(&MapJson {
                name: &read.name,
                r#type: read.content.kind_name(),
                entries,
                capacity: shape.max_entries.into(),
                decisions: u64::try_from(stage.decisions(&read.name)).unwrap_or(u64::MAX),
            });
        }
        json.end_list();
        json.list("lists", stage.lists.iter().map(ListJson::from));
        json.member("metrics");
        json.begin_list();
        self.each_metric(stage, |metric, value| {
            json.value(&MetricJson {
                name: &metric.name,
                r#type: metric.kind.name(),
                value,
                help: &metric.help,
            });
            json.result()
        })?;
        json.end_list();
        json.end_object();
        json.result()
    }

    fn verdict(&self, stage: &Stage, total: &VerdictTotals) -> VerdictJson {
        let growth = self.growth(stage, total);
        VerdictJson {
            verdict: total.verdict,
            packets: total.packets,
            bytes: total.bytes,
            period_packets: growth.map(|growth| growth.packets),
            period_bytes: growth.map(|growth| growth.bytes),
        }
    }
}

fn listener(state: &ListenerState) -> ListenerJson<'_> {
    ListenerJson {
        service: state.service,
        address: &state.address,
        up: state.error.is_none(),
        url: state.url,
        error: state.error,
    }
}

/// The description of a program; `None` if the kernel does not describe the program.
fn program(program: &Program) -> Option<ProgramJson<'_>> {
    let statistics = info::statistics(program.as_fd()).ok()?;
    let counted = statistics.runs > 0 || statistics::are_enabled();
    let loaded = loaded_at(Duration::from_nanos(statistics.loaded));
    Some(ProgramJson {
        name: &program.info.name,
        id: program.info.id.into(),
        tag: Tag(statistics.tag),
        loaded_at: Utc::from(loaded).0,
        runs: counted.then_some(statistics.runs),
        run_time_ns: counted.then_some(statistics.run_time),
    })
}

/// Wall-clock time of an event at this time since boot (`CLOCK_BOOTTIME`).
fn loaded_at(since_boot: Duration) -> SystemTime {
    let up = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from);
    let age = up.unwrap_or_default().saturating_sub(since_boot);
    let now = SystemTime::now();
    now.checked_sub(age).unwrap_or(now)
}
