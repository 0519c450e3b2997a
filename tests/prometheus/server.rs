//! A Prometheus of a test.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::file;
use support::net::{Response, Site};
use support::wait::wait_until;

const PROMETHEUS: &str = "127.0.0.1:9090";

/// Prometheus in the network namespace of the boxes. Dropping it ends the process.
pub struct Prometheus<'a> {
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
    /// Starts a Prometheus that scrapes these addresses as job `corexdp`, and evaluates the rules of `tests/prometheus/`.
    pub fn start(site: &'a Site, targets: &[String]) -> Self {
        let config = format!(
            "global: {{scrape_interval: 3s, evaluation_interval: 1s}}\n\
             rule_files: [{}]\n\
             scrape_configs: [{{job_name: corexdp, static_configs: [{{targets: {targets:?}}}]}}]\n",
            file("corexdp.rules.yml").display()
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
    pub fn query(&self, query: &str) -> Option<Vec<(Value, String)>> {
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
    pub fn comes_to(&self, query: &str, expected: &[&str]) -> Vec<(Value, String)> {
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
