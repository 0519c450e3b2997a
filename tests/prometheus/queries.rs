//! A real Prometheus answers every query of the dashboards, for boxes with packets of each verdict and with each trouble.

use std::net::TcpListener;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::dashboard::{DASHBOARDS, Query, dashboard, list, queries};
use crate::server::Prometheus;
use crate::{page, start, start_plain};
use support::net::{Attached, Corexdp, Daemon, Response, Sender, Site, detach_link, finish};
use support::packets::frame::ip4;
use support::wait::wait_until;

/// The box of the dashboard for one box. Its interface edge0 has packets of each verdict.
const BOX: &str = "127.0.0.1:9200";
/// An address that another process has.
const OCCUPIED: &str = "127.0.0.1:8080";
/// Metrics that not every page has. A query of another metric must have a result.
const MAY_BE_MISSING: [&str; 1] = ["corexdp_samples_lost_total"];
/// Metrics that may be 0 throughout the test.
const MAY_BE_ZERO: [&str; 3] = [
    "corexdp_decisions",
    "corexdp_metric_read_errors_total",
    "process_cpu_seconds_total",
];

fn corefile() -> String {
    format!(
        ". {{
  prometheus {}
  health {OCCUPIED}
  ebpf {{
    if edge0
    elf verdicts.o
  }}
  ebpf {{
    if edge1
    mode generic
    elf acl.o
    entry 10.11.0.0/16 action=ACL_DROP
    entry @settings 0 scope=SCOPE_ALL
    gauge scope @settings 0 scope \"The scope.\"
    counter dropped_total @totals 0 dropped \"Dropped.\"
  }}
}}
",
        page(0)
    )
}

/// Runs a command of the box's control socket.
fn ask(site: &Site, words: &[&str]) -> Option<i32> {
    let mut command = Corexdp::command(site.folder.path(), words);
    finish(command.args(["--control", "control0"])).code
}

/// Makes a box that has every trouble that the dashboards show, and that is still scraped.
fn trouble(site: &Site) {
    detach_link(&Attached::on(&site.server, "edge0").unwrap());
    site.folder.write("box0.Corefile", "nonsense {");
    assert_eq!(ask(site, &["reload"]), Some(78));
    let more = "    entry 10.12.0.0/16 action=ACL_DROP\n    entry @settings";
    let changed = corefile().replace("    entry @settings", more);
    site.folder.write("box0.Corefile", &changed);
    assert_eq!(ask(site, &["reload", "--confirm", "10m"]), Some(0));
}

/// Packets to the box, of each verdict.
struct Traffic([Sender; 2]);

impl Traffic {
    fn new(site: &Site) -> Self {
        Self(["cli0", "far1"].map(|name| Sender::new(&site.client, name)))
    }

    fn send(&self) {
        // The last byte of the source is the verdict of verdicts.o, from XDP_ABORTED to XDP_REDIRECT.
        for last in 0..=4 {
            let frame = ip4(&format!("10.11.0.{last}")).udp(53).bytes;
            self.0.iter().for_each(|sender| sender.send(&frame, 1));
        }
    }
}

/// The boxes, the first of them with two interfaces.
fn boxes(site: &Site) -> Vec<Daemon> {
    site.folder.fixture("verdicts");
    site.folder.shipped("acl");
    site.add_wire("edge1", "far1");
    let first = start(site, 0, &corefile(), 2);
    vec![first, start_plain(site, 2), start_plain(site, 3)]
}

/// The query as Grafana sends it for the values of the variables that the test chooses.
pub fn filled_in(expression: &str) -> String {
    let values = [
        ("$__rate_interval", "1m"),
        ("$job", "corexdp"),
        ("$instance", BOX),
        ("$interface", "(edge0|edge1)"),
    ];
    let filled = values
        .iter()
        .fold(expression.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        });
    assert!(
        !filled.contains('$') || filled.contains("\"$1\""),
        "{filled}"
    );
    filled
}

fn names_one_of(query: &Query, names: &[&str]) -> bool {
    names.iter().any(|name| query.expression.contains(name))
}

/// The number of results greater than 0 that a query must have: verdicts but `pass`, interfaces, programs with verdicts.
fn expected_results(query: &Query) -> usize {
    match &query.expression {
        text if text.contains(" by (verdict) ") => 4,
        text if text.contains(" by (interface, program, verdict) ") => 6,
        text if text.contains(" by (interface) ") => 2,
        _ => 1,
    }
}

/// Sends packets until a query has the expected results.
fn has_results(prometheus: &Prometheus, query: &Query, traffic: &Traffic) {
    let filled = filled_in(&query.expression);
    wait_until(&format!("{} has results: {filled}", query.place), || {
        traffic.send();
        let results = prometheus.query(&filled);
        let values = results
            .iter()
            .flatten()
            .map(|(_, value)| value.parse::<f64>());
        let values: Vec<f64> = values.map(|value| value.expect("a number")).collect();
        let zero = names_one_of(query, &MAY_BE_ZERO) && values.contains(&0.0);
        let missing = names_one_of(query, &MAY_BE_MISSING);
        if missing
            || zero
            || values.iter().filter(|&&value| value > 0.0).count() >= expected_results(query)
        {
            let most = if query.unit == "percentunit" {
                1.0
            } else {
                f64::MAX
            };
            let possible = |value: &f64| (0.0..=most).contains(value);
            assert!(values.iter().all(possible), "{}: {results:?}", query.place);
            Ok(())
        } else {
            Err(results)
        }
    });
}

/// The values of `label` in the results of a query.
fn labels(prometheus: &Prometheus, query: &str, label: &str) -> Vec<String> {
    let results = prometheus.query(query).unwrap_or_default();
    let values = results
        .iter()
        .map(|(labels, _)| labels[label].as_str().unwrap_or_default().to_owned());
    let mut values: Vec<String> = values.collect();
    values.sort();
    values
}

/// Checks that the variables of a dashboard offer what there is: `label_values(SELECTOR, LABEL)`.
fn variables_have_values(prometheus: &Prometheus, dashboard: &Value) {
    for variable in list(&dashboard["templating"]["list"]) {
        let Some(definition) = variable["query"]["query"].as_str() else {
            continue;
        };
        let inside = definition
            .strip_prefix("label_values(")
            .and_then(|text| text.strip_suffix(')'));
        let (selector, label) = inside.unwrap().rsplit_once(", ").unwrap();
        let expected: &[&str] = match label {
            "job" => &["corexdp"],
            "instance" => &["127.0.0.1:9200", "127.0.0.1:9202", "127.0.0.1:9203"],
            "interface" => &["edge0", "edge1"],
            _ => panic!("{definition}"),
        };
        let query = format!("count by ({label}) ({})", filled_in(selector));
        assert_eq!(labels(prometheus, &query, label), expected, "{definition}");
    }
}

/// Every metric of the daemon itself is in a panel of the dashboard for one box.
fn every_metric_is_shown(site: &Site, dashboard: &Value) {
    let metrics = site
        .server
        .enter(|| Response::to(&site.server, BOX, "GET /metrics HTTP/1.1"));
    let names = metrics
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let shown = queries(dashboard);
    // `corexdp_allocations_total` exists in test builds only.
    for name in names
        .filter(|name| !name.starts_with("coredns_ebpf_") && *name != "corexdp_allocations_total")
    {
        assert!(
            shown.iter().any(|query| names_one_of(query, &[name])),
            "no panel shows {name}"
        );
    }
}

#[test]
fn each_query_of_the_dashboards_has_results() {
    let site = Site::new();
    let _other = site.server.enter(|| TcpListener::bind(OCCUPIED).unwrap());
    let mut daemons = boxes(&site);
    let prometheus = Prometheus::start(&site, &[0, 2, 3].map(page));
    prometheus.comes_to("count(up{job=\"corexdp\"} == 1)", &["3"]);
    prometheus.comes_to("sum(corexdp_reloads_total)", &["0"]);
    let dashboards = DASHBOARDS.map(dashboard);
    for dashboard in &dashboards {
        variables_have_values(&prometheus, dashboard);
    }
    every_metric_is_shown(&site, &dashboards[0]);
    trouble(&site);
    site.server.run("ip link delete edge2");
    let lost = daemons.pop().unwrap();
    lost.signal(Signal::SIGKILL);
    let traffic = Traffic::new(&site);
    for dashboard in &dashboards {
        let queries = queries(dashboard);
        assert!(queries.len() > 20, "{}", queries.len());
        for query in &queries {
            has_results(&prometheus, query, &traffic);
        }
    }
    drop(prometheus);
    drop(lost);
    for daemon in daemons {
        daemon.stop();
    }
}
