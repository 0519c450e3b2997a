//! `corexdp status` and `/status`: the state of the daemon for programs and for people.

use std::fs;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::packet;
use support::net::{Daemon, GENERIC, Outcome, PAGE, Response, Site};
use support::wait::{PATIENCE, prompt, wait_until};

pub(super) const COREFILE: &str = ". {
  prometheus
  ebpf {
    if edge0
    elf example.o
    map 0A0B0000.FFFF0000.00000000
    metric dropped 00000000 8 4 \"Packets \\\"dropped\\\".\"
  }
}
";

pub(super) fn start() -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    (site, daemon)
}

/// Runs `corexdp status --control control WORDS`.
pub(super) fn ask(site: &Site, words: &[&str]) -> Outcome {
    site.ask(&[&["status"], words].concat())
}

/// The text of `status`, with each line that was wrapped at 80 columns in one piece.
pub(super) fn status_text(site: &Site) -> String {
    let text = ask(site, &[]).stdout;
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}: {text}");
    }
    text.replace("\n  ", " ")
}

pub(super) fn json(site: &Site, words: &[&str]) -> Value {
    let outcome = ask(site, &[&["--json"], words].concat());
    outcome.expect(0, &[]);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// True if the time lies within the test.
fn is_recent(time: &Value) -> bool {
    let time = time.as_u64().unwrap_or_else(|| panic!("{time}"));
    (now() - 600..=now() + 1).contains(&time)
}

#[test]
fn json_has_every_member() {
    let (site, daemon) = start();
    site.sender().send(&packet("10.11.0.1"), 3);
    site.metric_becomes("coredns_ebpf_dropped", 3);
    let status = json(&site, &[]);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["pid"], daemon.pid());
    assert!(is_recent(&status["started"]), "{status}");
    assert_eq!(status["corefile"], "Corefile");
    assert_eq!(status["pages"][0], "http://127.0.0.1:9153/");
    assert_eq!(status["last_reload"], Value::Null);
    assert_eq!(status["confirm_within"], Value::Null);
    let filter = &status["filters"][0];
    for (name, expected) in [
        ("interface", "\"edge0\""),
        ("attached", "true"),
        ("mode", "\"native\""),
        ("reason", "null"),
        ("exit", "\"detach\""),
        ("reattached", "0"),
    ] {
        assert_eq!(filter[name].to_string(), expected, "{name}");
    }
    let (program, attached) = (&filter["program"], site.filter());
    assert_eq!(program["id"], attached.id);
    assert_eq!(program["name"], attached.name);
    assert!(is_recent(&program["loaded_at"]), "{program}");
    let maps = serde_json::json!([{"name":"xdp_map","type":"array","entries":16,"capacity":16,"decisions":0}]);
    let metrics = serde_json::json!([
        {"name":"coredns_ebpf_dropped","type":"gauge","value":3,"help":"Packets \"dropped\"."}
    ]);
    assert_eq!(
        (&filter["maps"], &filter["metrics"]),
        (&maps, &metrics),
        "{filter}"
    );
    daemon.stop();
}

/// The status without the members that depend on the time of the request.
fn without_periods(mut status: Value) -> Value {
    status["period_ms"].take();
    for verdict in status["filters"][0]["verdicts"].as_array_mut().unwrap() {
        verdict["period_packets"].take();
        verdict["period_bytes"].take();
    }
    status
}

#[test]
fn status_path_matches_the_command() {
    let (site, daemon) = start();
    let page = site.get("/status");
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("application/json"))
    );
    // Another test may make the kernel count runs of programs at any time.
    wait_until("page and command show the same", || {
        let of_page: Value = serde_json::from_str(&site.get("/status").body).unwrap();
        let of_command = json(&site, &[]);
        let [of_page, of_command] = [of_page, of_command].map(without_periods);
        if of_page == of_command {
            Ok(())
        } else {
            Err((of_page, of_command))
        }
    });
    let head = Response::to(&site.server, PAGE, "HEAD /status HTTP/1.1");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), Some("application/json"));
    let post = Response::to(&site.server, PAGE, "POST /status HTTP/1.1");
    assert_eq!(
        (post.status, post.header("allow")),
        (405, Some("GET, HEAD"))
    );
    daemon.stop();
}

#[test]
fn status_shows_the_last_reload_and_its_error() {
    let (site, daemon) = start();
    site.folder
        .write("Corefile", &COREFILE.replace("0A0B", "nonsense"));
    let refused = site.ask(&["reload"]);
    let status = json(&site, &[]);
    let reloads = &status["reloads"];
    assert_eq!(
        (&reloads["success"], &reloads["failure"]),
        (&0.into(), &1.into())
    );
    let last = &status["last_reload"];
    assert!(is_recent(&last["time"]), "{last}");
    assert_eq!(last["result"], "failure");
    assert_eq!(last["error"], refused.stderr.trim_end());
    let text = status_text(&site);
    assert!(text.contains("0 done, 1 failed; the last at 20"), "{text}");
    assert!(text.contains(refused.stderr.trim_end()), "{text}");
    let page = site.get("/").body;
    assert!(
        page.contains(
            "<div class=\"banner refused\"><strong>The last reload failed</strong> at <time>20"
        ),
        "{page}"
    );
    site.folder.write("Corefile", COREFILE);
    site.ask(&["reload", "--confirm", "1m"]).expect(0, &[]);
    let status = json(&site, &[]);
    assert_eq!(status["last_reload"]["result"], "pending");
    assert_eq!(status["last_reload"]["error"], Value::Null);
    let left = status["confirm_within"].as_u64().unwrap();
    assert!((1..60).contains(&left), "{left}");
    let page = site.get("/").body;
    assert!(
        page.contains(
            "<strong>Not confirmed</strong>: run <code>corexdp confirm</code> within <b id"
        ),
        "{page}"
    );
    let gauge = || {
        let metrics = site.get("/metrics");
        metrics.metric("corexdp_confirm_pending").map(str::to_owned)
    };
    assert_eq!(gauge().as_deref(), Some("1"));
    site.ask(&["confirm"]).expect(0, &[]);
    assert_eq!(gauge().as_deref(), Some("0"));
    let status = json(&site, &[]);
    assert_eq!(status["last_reload"]["result"], "success");
    assert_eq!(status["reloads"]["success"], 1);
    daemon.stop();
}

#[test]
fn status_explains_generic_mode_and_a_missing_interface() {
    let site = Site::new();
    // The MTU is too large for native mode of veth.
    site.client.run("ip link set cli0 mtu 9000");
    site.server.run("ip link set edge0 mtu 9000");
    let daemon = site.run(COREFILE).attached(1);
    assert_eq!(site.filter().mode, GENERIC);
    let filter = &json(&site, &[])["filters"][0];
    assert_eq!(filter["mode"], "generic");
    let reason = filter["reason"].as_str().unwrap();
    let text = status_text(&site);
    assert!(
        text.contains(&format!("\nedge0: not native: {reason}\n")),
        "{text}"
    );
    site.server.run("ip link delete edge0");
    daemon.line("the interface has gone");
    let filter = &json(&site, &[])["filters"][0];
    assert_eq!(
        (&filter["attached"], &filter["mode"]),
        (&Value::Bool(false), &Value::Null)
    );
    let text = ask(&site, &[]).stdout;
    assert!(
        text.contains("edge0      not attached  -     detach "),
        "{text}"
    );
    daemon.stop();
}

#[test]
fn status_needs_a_running_daemon() {
    let site = Site::new();
    ask(&site, &[]).refuses(69, &["no daemon listens at control"]);
    ask(&site, &["--json", "--measure", "1s"]).refuses(69, &["no daemon listens at control"]);
}

/// A client that sends a request and never reads does not block others, and its response is freed when the client is
/// disconnected.
#[test]
fn clients_that_do_not_read_do_not_block_others() {
    use nix::sys::socket::*;
    use std::os::fd::AsRawFd as _;
    let (site, daemon) = start();
    let open = || {
        fs::read_dir(format!("/proc/{}/fd", daemon.pid()))
            .unwrap()
            .count()
    };
    let before = open();
    let clients: Vec<_> = ["status", "dump"]
        .repeat(20)
        .into_iter()
        .map(|words| {
            let flags = SockFlag::SOCK_CLOEXEC;
            let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
            let address = UnixAddr::new(&site.folder.file("control")).unwrap();
            wait_until("the backlog has room", || {
                connect(fd.as_raw_fd(), &address).ok()
            });
            // The daemon disconnects the oldest clients to accept others, so sending may fail.
            let _ = send(fd.as_raw_fd(), words.as_bytes(), MsgFlags::MSG_NOSIGNAL);
            fd
        })
        .collect();
    prompt(PATIENCE / 6, |_| {
        let begin = Instant::now();
        assert_eq!(json(&site, &[])["filters"][0]["attached"], true);
        begin.elapsed()
    });
    wait_until("no descriptor is kept for the clients", || {
        let now = open();
        if now <= before { Ok(()) } else { Err(now) }
    });
    drop(clients);
    daemon.stop();
}
