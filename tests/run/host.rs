//! The host named by a request: DNS rebinding, absolute request targets, and the option `host`.

use std::io::{Read as _, Write as _};

use nix::sys::signal::{Signal, kill};
use nix::sys::utsname::uname;
use nix::unistd::Pid;

use crate::abusive_clients::{connect_to, exchange};
use support::net::{Daemon, Response, Site};
use support::wait::wait_for;

/// Headers of a browser's request from the script of another site.
const BROWSER: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept-Language: en\r\n";
const PROMETHEUS: &str = "User-Agent: Prometheus/3.5.0\r\nAccept: text/plain\r\n";

fn corefile(host: &str) -> String {
    format!(
        ". {{\nprometheus {{\n{host}\n}}\nhealth\nready\nebpf {{\nelf example.o\nif edge0\n}}\n}}\n"
    )
}

fn start(host: &str) -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(&corefile(host)).attached(1);
    (site, daemon)
}

/// Sends a request line with headers and returns the response.
fn ask(site: &Site, line: &str, headers: &str) -> Response {
    let request = format!("{line}\r\n{headers}Connection: close\r\n\r\n");
    let answer = site.server.enter(|| exchange(request.as_bytes()));
    Response::parse(&answer)
}

/// The response status of `path` for a host name.
fn status(site: &Site, path: &str, host: &str, headers: &str) -> u16 {
    let headers = format!("Host: {host}\r\n{headers}");
    ask(site, &format!("GET {path} HTTP/1.1"), &headers).status
}

#[test]
fn page_refuses_foreign_host_names() {
    let (site, daemon) = start("");
    for path in ["/", "/status", "/nowhere"] {
        for headers in [BROWSER, PROMETHEUS, ""] {
            let refused = ask(
                &site,
                &format!("GET {path} HTTP/1.1"),
                &format!("Host: evil.test:9153\r\n{headers}"),
            );
            assert_eq!(refused.status, 421, "{path}");
            assert_eq!(
                refused.body,
                "unknown host name; open http://ADDRESS of this box, or write `host NAME` in the block of `prometheus` in the Corefile\n"
            );
        }
        for host in [
            "127.0.0.1:9153",
            "localhost",
            "[::1]",
            "router",
            "router.local",
        ] {
            let expected = if path == "/nowhere" { 404 } else { 200 };
            assert_eq!(status(&site, path, host, BROWSER), expected, "{host}");
        }
    }
    let name = uname().unwrap();
    let name = name.nodename().to_str().unwrap().to_owned();
    assert_eq!(status(&site, "/", &name.to_uppercase(), BROWSER), 200);
    daemon.stop();
}

#[test]
fn metrics_are_scraped_by_any_host_name() {
    let (site, daemon) = start("");
    assert_eq!(
        status(&site, "/metrics", "ns1.example.org:9153", PROMETHEUS),
        200
    );
    assert_eq!(
        status(&site, "/metrics", "ns1.example.org:9153", BROWSER),
        421
    );
    for (address, path) in [("127.0.0.1:8080", "/health"), ("127.0.0.1:8181", "/ready")] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: ns1.example.org\r\n{BROWSER}Connection: close\r\n\r\n"
        );
        let answer = site.server.enter(|| {
            let mut stream = connect_to(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    daemon.stop();
}

#[test]
fn host_option_survives_reload_and_worker_restart() {
    let (site, daemon) = start("host Box.example.org.");
    let statuses = |expected: [u16; 2]| {
        for (host, expected) in ["box.EXAMPLE.org:9153", "b.example"].iter().zip(expected) {
            assert_eq!(status(&site, "/", host, BROWSER), expected, "{host}");
        }
    };
    statuses([200, 421]);
    let worker = daemon.worker();
    kill(Pid::from_raw(worker.cast_signed()), Signal::SIGKILL).unwrap();
    daemon.line("the worker died");
    statuses([200, 421]);
    for (host, expected) in [
        ("host b.example", [421, 200]),
        ("host b.example box.example.org", [200, 200]),
        ("", [421, 421]),
    ] {
        site.folder.write("Corefile", &corefile(host));
        let before = daemon.lines_with("reload: done").len();
        daemon.signal(Signal::SIGHUP);
        daemon.nth_line(before, "reload: done");
        statuses(expected);
    }
    daemon.stop();
}

#[test]
fn unconfirmed_hosts_are_rolled_back() {
    let (site, daemon) = start("host a.example");
    site.folder.write("Corefile", &corefile("host b.example"));
    let reload = ["reload", "--confirm", "10s"];
    site.ask(&reload).expect(0, &[]);
    assert_eq!(status(&site, "/", "b.example", BROWSER), 200);
    assert_eq!(status(&site, "/", "a.example", BROWSER), 421);
    wait_for("the status of the previous host", &200, || {
        status(&site, "/", "a.example", BROWSER)
    });
    assert_eq!(status(&site, "/", "b.example", BROWSER), 421);
    daemon.stop();
}

#[test]
fn absolute_request_targets_are_answered() {
    let (site, daemon) = start("");
    for (line, host, expected) in [
        (
            "GET http://192.0.2.1:9153/metrics HTTP/1.1",
            "evil.test",
            200,
        ),
        ("GET http://192.0.2.1:9153 HTTP/1.1", "evil.test", 200),
        ("GET HTTP://router/status?x HTTP/1.1", "evil.test", 200),
        ("HEAD http://router/ HTTP/1.0", "router", 200),
        ("GET http://router/nowhere HTTP/1.1", "router", 404),
        ("GET http://evil.test/ HTTP/1.1", "127.0.0.1", 421),
        ("GET https://127.0.0.1/ HTTP/1.1", "127.0.0.1", 421),
        ("GET http://user@127.0.0.1/ HTTP/1.1", "127.0.0.1", 400),
        ("GET http:/// HTTP/1.1", "127.0.0.1", 400),
        ("HEAD http://evil.test/ HTTP/1.1", "127.0.0.1", 421),
        ("OPTIONS * HTTP/1.1", "127.0.0.1", 405),
        ("OPTIONS / HTTP/1.1", "127.0.0.1", 405),
    ] {
        let answer = ask(&site, line, &format!("Host: {host}\r\n"));
        assert_eq!(answer.status, expected, "{line}");
        assert!(
            answer.body.is_empty() || !line.starts_with("HEAD"),
            "{line}"
        );
        let allow = answer.header("allow");
        assert_eq!(allow.is_some(), expected == 405, "{line}: {allow:?}");
    }
    daemon.stop();
}

#[test]
fn http_1_1_needs_one_host() {
    let (site, daemon) = start("");
    for (line, headers, expected) in [
        ("GET /metrics HTTP/1.1", "", 400),
        ("GET /metrics HTTP/1.1", "Host: a\r\nHost: a\r\n", 400),
        ("GET /metrics HTTP/1.1", "Host: a b\r\n", 400),
        ("GET /metrics HTTP/1.1", "Host: user@a\r\n", 400),
        ("GET /metrics HTTP/1.1", "Host:\r\n", 200),
        ("GET /metrics HTTP/1.0", "", 200),
        ("GET / HTTP/1.0", "", 200),
        ("GET / HTTP/1.0", "Host: evil.test\r\n", 421),
    ] {
        assert_eq!(
            ask(&site, line, headers).status,
            expected,
            "{line} {headers:?}"
        );
    }
    daemon.stop();
}

#[test]
fn no_response_allows_cross_origin_access() {
    let (site, daemon) = start("");
    for method in ["GET", "HEAD", "OPTIONS", "POST"] {
        for path in [
            "/",
            "/metrics",
            "/status",
            "/nowhere",
            "http://evil.test/",
            "*",
        ] {
            let headers = "Host: router\r\nOrigin: http://evil.test\r\n\
                           Access-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\n";
            let answer = ask(&site, &format!("{method} {path} HTTP/1.1"), headers);
            let shared = answer
                .headers
                .iter()
                .find(|(name, _)| name.starts_with("access-control-"));
            assert_eq!(shared, None, "{method} {path}");
            assert_eq!(answer.header("location"), None, "{method} {path}");
            let policy = answer.header("cross-origin-resource-policy");
            // The worker's gate, which refuses these itself, sends no content to protect.
            let of_gate = path == "*" || path.starts_with("http://evil.test");
            assert!(policy == Some("same-origin") || of_gate, "{method} {path}");
        }
    }
    daemon.stop();
}
