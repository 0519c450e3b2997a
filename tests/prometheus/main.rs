//! A real Prometheus scrapes daemons, evaluates the rules of `tests/prometheus/` and answers the queries of its dashboards.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod chain;
mod dashboard;
mod queries;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;

use support::net::{Corexdp, Daemon, Site};

use server::Prometheus;

/// The number of boxes.
const BOXES: usize = 12;

/// A file of `tests/prometheus/`.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/prometheus")
        .join(name)
}

fn promtool(words: &[&str], name: &str) {
    let output = Command::new("promtool")
        .args(words)
        .arg(file(name))
        .output()
        .expect("promtool runs; install prometheus");
    let messages =
        String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
    assert!(messages.contains("SUCCESS"), "{messages}");
}

#[test]
fn rules_are_valid() {
    promtool(&["check", "rules"], "corexdp.rules.yml");
}

#[test]
fn each_rule_fires_as_tested() {
    promtool(&["test", "rules"], "corexdp.test.yml");
    let text = |name| fs::read_to_string(file(name)).unwrap();
    let (all, tests) = (text("corexdp.rules.yml"), text("corexdp.test.yml"));
    let lines = all.lines();
    let names = lines.filter_map(|line| line.trim().strip_prefix("- alert: "));
    for name in names {
        let shown = tests.matches(&format!("alertname: {name}\n")).count();
        assert!(
            shown >= 2 || name == "CorexdpRestarts",
            "{name} has no test"
        );
    }
}

/// The address of the page of a box.
fn page(number: usize) -> String {
    format!("127.0.0.1:{}", 9200 + number)
}

/// Starts a daemon with this Corefile, which has this number of filters.
fn start(site: &Site, number: usize, corefile: &str, filters: usize) -> Daemon {
    let (name, control) = (format!("box{number}.Corefile"), format!("control{number}"));
    site.folder.write(&name, corefile);
    let words = [
        "run",
        "-conf",
        &name,
        "--log",
        "stderr",
        "--control",
        &control,
    ];
    let mut command = Corexdp::command(site.folder.path(), &words);
    site.server
        .enter(|| Daemon::spawn(&mut command))
        .attached(filters)
}

fn start_plain(site: &Site, number: usize) -> Daemon {
    if number > 0 {
        site.add_wire(&format!("edge{number}"), &format!("far{number}"));
    }
    let corefile = format!(
        ". {{\nprometheus {}\nebpf {{\nelf example.o\nif edge{number}\n\
         map 0A0B0000.FFFF0000.00000000\ncounter dropped_total 0 count \"Dropped.\"\n}}\n}}\n",
        page(number)
    );
    start(site, number, &corefile, 1)
}

#[test]
fn fleet_is_scraped_counted_and_alerted() {
    let site = Site::new();
    let daemons: Vec<_> = (0..BOXES)
        .map(|number| start_plain(&site, number))
        .collect();
    let pages: Vec<_> = (0..BOXES).map(page).collect();
    let prometheus = Prometheus::start(&site, &pages);
    prometheus.comes_to("count(up{job=\"corexdp\"} == 1)", &["12"]);
    prometheus.comes_to("job:corexdp_filter_attached:sum{mode=\"native\"}", &["12"]);
    let versions = prometheus.comes_to("job_version:corexdp_build_info:count", &["12"]);
    assert_eq!(versions[0].0["version"], env!("CARGO_PKG_VERSION"));
    prometheus.comes_to("count(coredns_ebpf_dropped_total == 0)", &["12"]);
    // One box loses its interface, another its daemon.
    site.server.run("ip link delete edge3");
    daemons[5].signal(Signal::SIGKILL);
    let pending = "ALERTS{alertname=\"CorexdpNotFiltering\",alertstate=\"pending\"}";
    let alerts = prometheus.comes_to(pending, &["1"]);
    assert_eq!(alerts[0].0["interface"], "edge3");
    let pending = "ALERTS{alertname=\"CorexdpDown\",alertstate=\"pending\"}";
    let alerts = prometheus.comes_to(pending, &["1"]);
    assert_eq!(alerts[0].0["instance"], "127.0.0.1:9205");
    prometheus.comes_to("count(ALERTS)", &["2"]);
    drop(prometheus);
    for (number, daemon) in daemons.into_iter().enumerate() {
        if number != 5 {
            daemon.stop();
        }
    }
}
