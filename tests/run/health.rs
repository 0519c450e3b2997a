//! `health` and `ready`.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::packet;
use support::net::{CLIENT, Response, SERVER, Site};
use support::wait::{PATIENCE, wait_for};

/// A Corefile with a page, `health` and `ready`, each at its own address, and a line for the blocks of the last two.
fn corefile(lameduck: &str, monitor: &str) -> String {
    format!(
        ". {{
  prometheus
  errors
  log
  health 127.0.0.1:8080 {{
    {lameduck}
  }}
  ready 127.0.0.1:8181 {{
    {monitor}
  }}
  ebpf {{
    if edge0
    elf example.o
    map 0A0B0000.FFFF0000.00000000
    metric dropped 00000000 8 4 \"Dropped.\"
  }}
}}
"
    )
}

fn get(site: &Site, port: u16, path: &str) -> Response {
    let address = format!("127.0.0.1:{port}");
    Response::to(&site.server, &address, &format!("GET {path} HTTP/1.1"))
}

fn answer(site: &Site, port: u16, path: &str) -> (u16, String) {
    let response = get(site, port, path);
    (response.status, response.body)
}

fn good() -> (u16, String) {
    (200, "OK".into())
}

/// A client that may request the health may not see the metrics.
#[test]
fn each_listener_answers_only_its_paths() {
    let site = Site::new();
    let daemon = site.run(&corefile("", "")).attached(1);
    daemon.line("health: http://127.0.0.1:8080/health");
    daemon.line("ready: http://127.0.0.1:8181/ready");
    let listeners = [(9153, "/metrics"), (8080, "/health"), (8181, "/ready")];
    for (port, _) in listeners {
        for (other, path) in listeners {
            let expected = if port == other { 200 } else { 404 };
            assert_eq!(get(&site, port, path).status, expected, "{port}{path}");
        }
    }
    // A client cannot choose the listener by a header.
    for header in [
        "Corexdp-Service: 0",
        "corexdp-service: 0\r\nCorexdp-Service:0",
    ] {
        let request = format!("GET /metrics HTTP/1.1\r\n{header}");
        let response = Response::to(&site.server, "127.0.0.1:8080", &request);
        assert_eq!(response.status, 404, "{header}");
    }
    assert_eq!(answer(&site, 8080, "/health"), good());
    assert_eq!(answer(&site, 8181, "/ready"), good());
    daemon.stop();
}

#[test]
fn ready_fails_while_an_interface_is_missing() {
    for (monitor, away) in [
        ("", (503, SERVER.to_owned())),
        ("monitor continuously", (503, SERVER.to_owned())),
        ("monitor until-ready", good()),
    ] {
        let site = Site::new();
        let daemon = site.run(&corefile("", monitor)).attached(1);
        site.server.run(&format!("ip link delete {SERVER}"));
        daemon.line("the interface has gone");
        assert_eq!(answer(&site, 8181, "/ready"), away, "{monitor}");
        assert_eq!(answer(&site, 8080, "/health"), good());
        site.add_wire(SERVER, CLIENT);
        daemon.line("attached again");
        wait_for("the answer of /ready", &good(), || {
            answer(&site, 8181, "/ready")
        });
        daemon.stop();
    }
}

/// A daemon that shuts down still filters and serves, but reports that it is not ready.
#[test]
fn lameduck_keeps_serving_until_its_end() {
    let site = Site::new();
    // A busy machine must do all steps below within this time.
    let lame = Duration::from_secs(10);
    let mut daemon = site.run(&corefile("lameduck 10s", "")).attached(1);
    let asked = Instant::now();
    daemon.signal(Signal::SIGTERM);
    daemon.line("SIGTERM: stopping in 10 s");
    assert_eq!(answer(&site, 8080, "/health"), good());
    assert_eq!(answer(&site, 8181, "/ready"), (503, "stopping".into()));
    site.sender().send(&packet("10.11.0.1"), 2);
    site.metric_becomes("coredns_ebpf_dropped", 2);
    let (code, lines) = daemon.ended();
    assert_eq!(code, Some(0), "{lines:#?}");
    let time = asked.elapsed();
    assert!((lame..PATIENCE).contains(&time), "{time:?}");
    // A second signal ends the wait.
    daemon = site.run(&corefile("lameduck 1m", "")).attached(1);
    daemon.signal(Signal::SIGTERM);
    daemon.line("stopping in 60 s");
    daemon.stop();
    assert_eq!(site.attached(), None);
}

#[test]
fn late_response_is_not_given_to_the_next_request() {
    let site = Site::new();
    let daemon = site.run(&corefile("", "")).attached(1);
    daemon.signal(Signal::SIGSTOP);
    // The request times out, and the daemon answers it later.
    assert_eq!(get(&site, 9153, "/metrics").status, 503);
    let worker = daemon.worker();
    thread::scope(|scope| {
        let ready = scope.spawn(|| answer(&site, 8181, "/ready"));
        // The request should reach the worker while the daemon is stopped. On a busy machine it may come later, which
        // only makes the test easier.
        thread::sleep(Duration::from_millis(500));
        daemon.signal(Signal::SIGCONT);
        assert_eq!(ready.join().unwrap(), good());
    });
    assert_eq!(answer(&site, 8080, "/health"), good());
    assert_eq!(daemon.worker(), worker, "the worker was never restarted");
    daemon.stop();
}

#[test]
fn reload_moves_health_and_ready() {
    let site = Site::new();
    let daemon = site.run(&corefile("", "")).attached(1);
    let text = corefile("", "").replace("127.0.0.1:8080", "127.0.0.1:8181");
    // The two addresses are swapped.
    let text = text.replacen("ready 127.0.0.1:8181", "ready 127.0.0.1:8080", 1);
    site.folder.write("Corefile", &text);
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    wait_for(
        "the responses at the two addresses",
        &(good(), good()),
        || {
            (
                answer(&site, 8181, "/health"),
                answer(&site, 8080, "/ready"),
            )
        },
    );
    assert_eq!(get(&site, 9153, "/metrics").status, 200);
    daemon.stop();
}
