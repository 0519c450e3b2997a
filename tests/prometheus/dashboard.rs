//! The dashboards for Grafana: their schema, layout and queries.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::file;
use support::repository;

/// The files of the dashboards.
pub const DASHBOARDS: [&str; 2] = ["corexdp-box.json", "corexdp-fleet.json"];
/// The kinds of panels that Grafana has without plugins, as far as the dashboards use them.
const KINDS: [&str; 5] = ["bargauge", "row", "stat", "table", "timeseries"];
/// Columns of a dashboard.
const COLUMNS: u64 = 24;

/// The query of a panel, as Grafana keeps it.
pub struct Query {
    /// Titles of dashboard and panel, and the letter of the query.
    pub place: String,
    pub expression: String,
    /// The unit of the panel; empty for a table.
    pub unit: String,
}

pub fn dashboard(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(file(name)).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Panels that are not titles of rows.
fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    let panels = list(&dashboard["panels"]).iter();
    panels.filter(|panel| panel["type"] != "row")
}

/// All queries of the panels of a dashboard.
pub fn queries(dashboard: &Value) -> Vec<Query> {
    let mut queries = Vec::new();
    for panel in panels(dashboard) {
        for target in list(&panel["targets"]) {
            let titles = [&dashboard["title"], &panel["title"], &target["refId"]];
            queries.push(Query {
                place: titles.map(text).join(": "),
                expression: text(&target["expr"]).to_owned(),
                unit: text(&panel["fieldConfig"]["defaults"]["unit"]).to_owned(),
            });
        }
    }
    queries
}

/// Reads the dashboards with Grafana's own library, which omits what its schema does not know.
#[test]
fn dashboards_have_the_schema_of_grafana() {
    let python = repository().join("target/venv/bin/python");
    let output = Command::new(&python)
        .arg(file("schema.py"))
        .args(DASHBOARDS.map(file))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; run tests/setup.sh test", python.display()));
    let messages =
        String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
}

#[test]
fn panels_are_described_and_need_no_plugin() {
    for name in DASHBOARDS {
        let dashboard = dashboard(name);
        let variables = list(&dashboard["templating"]["list"]);
        assert_eq!(variables[0]["type"], "datasource", "{name}");
        for panel in panels(&dashboard) {
            let place = format!("{name}: {}", panel["title"]);
            assert!(KINDS.contains(&text(&panel["type"])), "{place}");
            assert!(text(&panel["description"]).ends_with('.'), "{place}");
            let unit = &panel["fieldConfig"]["defaults"]["unit"];
            assert!(unit.is_string() || panel["type"] == "table", "{place}");
            assert!(!list(&panel["targets"]).is_empty(), "{place}");
            for source in list(&panel["targets"]).iter().chain([panel]) {
                assert_eq!(source["datasource"]["uid"], "${datasource}", "{place}");
            }
        }
    }
}

#[test]
fn panels_do_not_overlap() {
    for name in DASHBOARDS {
        let dashboard = dashboard(name);
        let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
        for panel in list(&dashboard["panels"]) {
            let place = format!("{name}: {}", panel["title"]);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{place}");
            let number = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            let columns = number("x")..number("x") + number("w");
            assert!(columns.end <= COLUMNS, "{place}");
            for row in number("y")..number("y") + number("h") {
                let mut free = columns.clone().map(|column| cells.insert((row, column)));
                assert!(free.all(|free| free), "{place} covers another panel");
            }
        }
    }
}
