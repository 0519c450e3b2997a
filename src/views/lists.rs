//! Lists: their entries, skipped lines and age.

use std::fmt;

use serde::Serialize;

use super::prometheus;
use super::{Overview, map_labels};
use crate::base::text::Text;
use crate::config::MetricKind;
use crate::filter::{Filter, ListState, Stage};

/// A list, as JSON. The time is in seconds since 1970.
#[derive(Serialize)]
pub(super) struct ListJson<'a> {
    map: &'a str,
    path: &'a str,
    format: Option<&'a str>,
    entries: u64,
    skipped: u64,
    modified: Option<u64>,
}

impl<'a> From<&'a ListState> for ListJson<'a> {
    fn from(list: &'a ListState) -> Self {
        Self {
            map: &list.map,
            path: &list.path,
            format: list.format,
            entries: list.entries,
            skipped: list.skipped,
            modified: list.modified,
        }
    }
}

/// A metric of each list: its name, help and value.
type ListMetric = (&'static str, &'static str, fn(&ListState) -> Option<u64>);

const METRICS: [ListMetric; 3] = [
    (
        "corexdp_list_entries",
        "Entries that the list gives.",
        |list| Some(list.entries),
    ),
    (
        "corexdp_list_skipped_lines",
        "Lines of the list that give no entry.",
        |list| Some(list.skipped),
    ),
    (
        "corexdp_list_mtime_seconds",
        "Time of the last change of the list's file.",
        |list| list.modified,
    ),
];

impl Overview<'_> {
    /// Writes the metrics of lists.
    pub(super) fn list_metrics(&self, text: &mut Text<'_>) -> fmt::Result {
        let lists = || self.filters.iter().flat_map(of_filter);
        if lists().next().is_none() {
            return Ok(());
        }
        for (name, help, value) in METRICS {
            prometheus::head(text, name, MetricKind::Gauge, help)?;
            for (filter, stage, list) in lists() {
                if let Some(value) = value(list) {
                    let mut labels = heapless::Vec::<_, 4>::new();
                    // Cannot fail: a map has at most three labels.
                    labels.extend(map_labels(filter, stage, &list.map));
                    let _ = labels.push(("list", list.path.as_str()));
                    prometheus::sample(text, name, &labels, value)?;
                }
            }
        }
        Ok(())
    }
}

fn of_filter(filter: &Filter) -> impl Iterator<Item = (&Filter, &Stage, &ListState)> {
    filter.stages().flat_map(move |stage| {
        let lists = stage.lists.iter();
        lists.map(move |list| (filter, stage, list))
    })
}
