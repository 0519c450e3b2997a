//! A real Prometheus scrapes a fleet of daemons and evaluates the rules of `tests/prometheus/`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use support::net::{Corexdp, Daemon, Response, Site};
use support::wait::wait_until;

/// The number of boxes.
const BOXES: usize = 12;
const PROMETHEUS: &str = "127.0.0.1:9090";

fn rules(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/prometheus")
        .join(name)
}

fn promtool(words: &[&str], file: &str) {
    let output = Command::new("promtool")
        .args(words)
        .arg(rules(file))
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
    let text = |name| fs::read_to_string(rules(name)).unwrap();
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

/// Prometheus in the network namespace of the boxes. Dropping it ends the process.
struct Prometheus<'a> {
    site: &'a Site,
    child: Child,
}

impl Drop for Prometheus<'_> {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> Prometheus<'a> {
    fn start(site: &'a Site) -> Self {
        let targets = (0..BOXES).fold(String::new(), |mut text, number| {
            write!(text, "\"127.0.0.1:{}\",", port(number)).unwrap();
            text
        });
        let config = format!(
            "global: {{scrape_interval: 3s, evaluation_interval: 1s}}\n\
             rule_files: [{}]\n\
             scrape_configs: [{{job_name: corexdp, static_configs: [{{targets: [{targets}]}}]}}]\n",
            rules("corexdp.rules.yml").display()
        );
        site.folder.write("prometheus.yml", &config);
        let mut command = Command::new("prometheus");
        command.current_dir(site.folder.path());
        command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        command.arg(format!("--web.listen-address={PROMETHEUS}"));
        let log = fs::File::create(site.folder.file("prometheus.log")).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let spawn = || command.spawn().expect("prometheus runs; install it");
        let child = site.server.enter(spawn);
        wait_until("Prometheus listens", || {
            let connect = || TcpStream::connect(PROMETHEUS).ok();
            site.server.enter(connect).map(drop)
        });
        Self { site, child }
    }

    /// The result of a query, a value for each set of labels; `None` before Prometheus is ready.
    fn query(&self, query: &str) -> Option<Vec<(Value, String)>> {
        let encoded: String = query.bytes().fold(String::new(), |mut text, byte| {
            write!(text, "%{byte:02X}").unwrap();
            text
        });
        // With HTTP/1.0 the response is not chunked.
        let request = format!("GET /api/v1/query?query={encoded} HTTP/1.0");
        let response = Response::to(&self.site.server, PROMETHEUS, &request);
        let answer: Value = serde_json::from_str(&response.body).ok()?;
        let results = answer["data"]["result"].as_array()?.clone();
        let pair = |result: Value| {
            let value = result["value"][1].as_str().unwrap_or_default().to_owned();
            (result["metric"].clone(), value)
        };
        Some(results.into_iter().map(pair).collect())
    }

    /// Waits until a query has exactly these values.
    fn comes_to(&self, query: &str, expected: &[&str]) -> Vec<(Value, String)> {
        wait_until(&format!("{query} is {expected:?}"), || {
            let found = self.query(query).ok_or_else(Vec::new)?;
            let values = found.iter().map(|(_, value)| value.as_str());
            if values.eq(expected.iter().copied()) {
                Ok(found)
            } else {
                Err(found)
            }
        })
    }
}

const fn port(number: usize) -> usize {
    9200 + number
}

fn start(site: &Site, number: usize) -> Daemon {
    if number > 0 {
        site.add_wire(&format!("edge{number}"), &format!("far{number}"));
    }
    let name = format!("box{number}.Corefile");
    site.folder.write(
        &name,
        &format!(
            ". {{\nprometheus 127.0.0.1:{}\nebpf {{\nelf example.o\nif edge{number}\n\
             map 0A0B0000.FFFF0000.00000000\ncounter dropped_total 0 count \"Dropped.\"\n}}\n}}\n",
            port(number)
        ),
    );
    let control = format!("control{number}");
    let mut command = Corexdp::command(
        site.folder.path(),
        &[
            "run",
            "-conf",
            &name,
            "--log",
            "stderr",
            "--control",
            &control,
        ],
    );
    site.server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1)
}

#[test]
fn fleet_is_scraped_counted_and_alerted() {
    let site = Site::new();
    let daemons: Vec<_> = (0..BOXES).map(|number| start(&site, number)).collect();
    let prometheus = Prometheus::start(&site);
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
