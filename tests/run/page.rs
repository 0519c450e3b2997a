//! The page as scrapers, browsers and other clients request it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::packet;
use support::net::{Daemon, PAGE, Response, Site};

const COREFILE: &str = ". {
  prometheus
  ebpf {
    elf example.o
    if edge0
    map 0A0B0000.FFFF0000.00000000
    map 0A0C0000.FFFF0000.00000000
    metric first_packets 00000000 8 4 \"Packets from the first network.\"
    metric second_packets 01000000 8 4 \"Says \\\"hi\\\", and C:\\.\"
    counter declared_total 2 count \"A counter.\"
    metric wide 0F000000 4 8 \"Eight bytes.\"
  }
}
";

fn start() -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    (site, daemon)
}

fn ask(site: &Site, request: &str) -> Response {
    Response::to(&site.server, PAGE, request)
}

#[test]
fn promtool_accepts_the_metrics() {
    let (site, daemon) = start();
    let page = site.get("/metrics");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(
        page.header("content-length"),
        Some(page.body.len().to_string().as_str())
    );
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs; install prometheus");
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(page.body.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{messages}{}", page.body);
    assert_eq!(messages, "", "{}", page.body);
    daemon.stop();
}

#[test]
fn help_is_escaped() {
    let (site, daemon) = start();
    let page = site.get("/metrics").body;
    // The text format doubles backslashes in HELP and does not escape quotes.
    let help = "# HELP coredns_ebpf_second_packets Says \"hi\", and C:\\\\.";
    assert!(page.lines().any(|line| line == help), "{page}");
    daemon.stop();
}

#[test]
fn values_are_current_and_printed_in_full() {
    let (site, daemon) = start();
    let map = site.filter().map("xdp_map");
    for (value, number) in [
        ("00 00 00 00 01 00 00 00 00 00 00 00", "1"),
        ("00 00 00 00 00 00 00 00 00 00 00 80", "9223372036854775808"),
        (
            "00 00 00 00 ff ff ff ff ff ff ff ff",
            "18446744073709551615",
        ),
        ("ff ff ff ff 00 00 00 00 00 00 00 00", "0"),
    ] {
        map.update("0f 00 00 00", value);
        let page = site.get("/metrics");
        assert_eq!(
            page.metric("coredns_ebpf_wide"),
            Some(number),
            "{}",
            page.body
        );
    }
    daemon.stop();
}

#[test]
fn missing_key_reads_as_zero() {
    let site = Site::new();
    site.folder.fixture("hash");
    let daemon = site
        .run(". {\nprometheus\nebpf {\nelf hash.o\nif edge0\nmetric known CB007109 0 8 \"Packets.\"\n}\n}\n")
        .attached(1);
    site.metric_becomes("coredns_ebpf_known", 0);
    site.sender().send(&packet("203.0.113.9"), 6);
    site.metric_becomes("coredns_ebpf_known", 6);
    daemon.stop();
}

#[test]
fn root_path_serves_html() {
    let (site, daemon) = start();
    let page = site.get("/");
    assert_eq!(page.status, 200);
    let kind = page.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/html"), "{kind}");
    assert!(
        page.body
            .trim_start()
            .to_lowercase()
            .starts_with("<!doctype html>"),
        "{}",
        page.body
    );
    assert!(page.body.contains("edge0"), "{}", page.body);
    daemon.stop();
}

#[test]
fn other_paths_and_methods_are_refused() {
    let (site, daemon) = start();
    for path in [
        "/metric",
        "/metrics/",
        "/favicon.ico",
        "/../etc/passwd",
        "//metrics",
    ] {
        assert_eq!(
            ask(&site, &format!("GET {path} HTTP/1.1")).status,
            404,
            "{path}"
        );
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let answer = ask(&site, &format!("{method} /metrics HTTP/1.1"));
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
    }
    assert_eq!(site.get("/metrics").status, 200);
    daemon.stop();
}

#[test]
fn head_responses_have_no_body() {
    let (site, daemon) = start();
    for path in ["/metrics", "/", "/nowhere"] {
        let (get, head) = (site.get(path), ask(&site, &format!("HEAD {path} HTTP/1.1")));
        assert_eq!(head.body, "", "{path}");
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
        assert!(head.header("content-length").is_some(), "{path}: {head:?}");
    }
    daemon.stop();
}

#[test]
fn http_1_0_clients_are_served() {
    let (site, daemon) = start();
    let page = ask(&site, "GET /metrics HTTP/1.0");
    assert_eq!(page.status, 200);
    assert_eq!(page.metric("coredns_ebpf_first_packets"), Some("0"));
    daemon.stop();
}

#[test]
fn query_string_is_ignored() {
    let (site, daemon) = start();
    let page = site.get("/metrics?name[]=coredns_ebpf_first_packets");
    assert_eq!(page.status, 200);
    assert_eq!(page.metric("coredns_ebpf_first_packets"), Some("0"));
    daemon.stop();
}

#[test]
fn without_prometheus_nothing_listens() {
    let site = Site::new();
    let daemon = site
        .run(&COREFILE.replace("  prometheus\n", ""))
        .attached(1);
    let sockets = site.server.run("ss -Htuln");
    assert_eq!(sockets, "");
    daemon.stop();
}
