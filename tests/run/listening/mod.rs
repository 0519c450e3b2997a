//! An address, a socket or a process of the page that is not available: the filters are attached nevertheless, and the
//! daemon retries.

mod reloads;

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::status::{json, status_text};
use support::net::{Corexdp, Daemon, PAGE, Response, SERVER, Site};
use support::wait::{wait_for, wait_until};

/// A second page, for the metrics while the first page is not served.
const OTHER: &str = "127.0.0.1:9154";

/// A Corefile with a page at `address` and another page at [`OTHER`].
fn corefile(address: &str) -> String {
    format!(
        ". {{
  prometheus {address}
  ebpf {{
    if edge0
    elf example.o
  }}
}}
two {{
  prometheus {OTHER}
}}
"
    )
}

fn listen(site: &Site, address: &str) -> TcpListener {
    site.server.enter(|| TcpListener::bind(address).unwrap())
}

/// Status code of `/metrics` at `address`; `None` if nothing listens there.
fn get(site: &Site, address: &str) -> Option<u16> {
    let request = "GET /metrics HTTP/1.1";
    let connects = site
        .server
        .enter(|| std::net::TcpStream::connect(address).is_ok());
    connects.then(|| Response::to(&site.server, address, request).status)
}

/// The metric of the listener at `address`, read from the other page.
fn up(site: &Site, address: &str) -> Option<String> {
    let page = Response::to(&site.server, OTHER, "GET /metrics HTTP/1.1");
    let name = format!("corexdp_listener_up{{address=\"{address}\",service=\"page\"}}");
    page.metric(&name).map(str::to_owned)
}

fn becomes_up(site: &Site, address: &str) {
    wait_for("the metric of the listener", &Some("1".to_owned()), || {
        up(site, address)
    });
    assert_eq!(get(site, address), Some(200));
}

/// The listener of a service in the JSON of `corexdp status`.
fn listener(site: &Site, service: &str) -> Value {
    let status = json(site, &[]);
    let mut listeners = status["listeners"].as_array().unwrap().iter();
    let found = listeners.find(|listener| listener["service"] == service);
    found.unwrap().clone()
}

fn reload(site: &Site, daemon: &Daemon, corefile: &str) {
    let before = daemon.lines_with("reload: done").len();
    site.folder.write("Corefile", corefile);
    daemon.signal(Signal::SIGHUP);
    daemon.nth_line(before, "reload: done");
}

/// A process that takes the port blocks the page and nothing else.
#[test]
fn address_in_use_is_retried_while_the_filter_is_attached() {
    let site = Site::new();
    let taken = listen(&site, PAGE);
    let daemon = site.run(&corefile("localhost:9153")).attached(1);
    let (_, line) = daemon.line("cannot listen on 127.0.0.1:9153");
    for part in ["warning: Corefile:2: prometheus: ", "in use", "retrying"] {
        assert!(line.contains(part), "{part:?} in {line:?}");
    }
    assert!(site.attached().is_some());
    let expected = serde_json::json!({
        "service": "page", "address": "127.0.0.1:9153", "up": false, "url": null,
        "error": "Address already in use; another process has the address; retrying",
    });
    assert_eq!(listener(&site, "page"), expected);
    let text = status_text(&site);
    let line = "page: NOT served at 127.0.0.1:9153: Address already in use; another process has the address; retrying";
    assert!(text.contains(line), "{text}");
    let page = Response::to(&site.server, OTHER, "GET / HTTP/1.1").body;
    let text = "page at 127.0.0.1:9153 is NOT served</strong>: Address already in use; another process has the address; retrying";
    assert!(page.contains(text), "{page}");
    assert_eq!(up(&site, PAGE).as_deref(), Some("0"));
    drop(taken);
    daemon.line("page: http://127.0.0.1:9153/");
    becomes_up(&site, PAGE);
    let expected = serde_json::json!({
        "service": "page", "address": "127.0.0.1:9153", "up": true,
        "url": "http://127.0.0.1:9153/", "error": null,
    });
    assert_eq!(listener(&site, "page"), expected);
    // Retries are not logged.
    assert_eq!(daemon.lines_with("cannot listen").len(), 1);
    daemon.stop();
}

/// Addresses arrive by DHCP, by VRRP, or as IPv6 addresses that are tentative first.
#[test]
fn page_follows_a_late_address() {
    let site = Site::new();
    for (address, add) in [
        ("192.0.2.1:9153", "192.0.2.1/24"),
        ("[2001:db8::1]:9153", "2001:db8::1/64"),
    ] {
        let daemon = site.run(&corefile(address)).attached(1);
        let (_, line) = daemon.line("cannot listen on ");
        assert!(line.contains("no interface has the address"), "{line}");
        assert_eq!(up(&site, address).as_deref(), Some("0"));
        site.server
            .run(&format!("ip address add {add} dev {SERVER}"));
        becomes_up(&site, address);
        // A listening socket survives the removal of its address.
        for word in ["delete", "add"] {
            site.server
                .run(&format!("ip address {word} {add} dev {SERVER}"));
        }
        wait_until("the page is served", || get(&site, address));
        daemon.stop();
    }
}

/// The daemon reacts to address events before its backoff of up to 5 s ends.
#[test]
fn late_address_is_served_promptly() {
    let site = Site::new();
    let address = "192.0.2.1:9153";
    let daemon = site.run(&corefile(address)).attached(1);
    support::wait::prompt(std::time::Duration::from_secs(1), |round| {
        // The backoff grows during this time.
        support::net::pause(4_000);
        let ip = format!("192.0.2.1/24 dev {SERVER}");
        let begin = Instant::now();
        site.server.run(&format!("ip address add {ip}"));
        let (at, _) = daemon.nth_line(round, "page: http://192.0.2.1:9153/");
        reload(&site, &daemon, &corefile("localhost:9153"));
        site.server.run(&format!("ip address delete {ip}"));
        reload(&site, &daemon, &corefile(address));
        at.saturating_duration_since(begin)
    });
    daemon.stop();
}

#[test]
fn control_socket_follows_its_folder() {
    let site = Site::new();
    site.folder.write("Corefile", &corefile("localhost:9153"));
    let args = ["run", "-conf", "Corefile", "--log", "stderr"];
    let mut command = Corexdp::command(site.folder.path(), &args);
    command.args(["--control", "late/control", "--pidfile", "late/pid"]);
    let daemon = site
        .server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1);
    daemon.line("warning: no control socket at late/control: No such file");
    daemon.line("warning: cannot write pid file late/pid: No such file");
    let metric = |expected: &str| {
        let name = "corexdp_listener_up{address=\"late/control\",service=\"control\"}";
        wait_for("the metric", &Some(expected.to_owned()), || {
            site.get("/metrics").metric(name).map(str::to_owned)
        });
    };
    metric("0");
    let status: Value = serde_json::from_str(&site.get("/status").body).unwrap();
    let mut listeners = status["listeners"].as_array().unwrap().iter();
    let control = listeners.find(|listener| listener["service"] == "control");
    let expected = serde_json::json!({
        "service": "control", "address": "late/control", "up": false, "url": null,
        "error": "No such file or directory",
    });
    assert_eq!(control.unwrap(), &expected);
    fs::create_dir(site.folder.file("late")).unwrap();
    daemon.line("control: late/control");
    metric("1");
    let args = ["status", "--control", "late/control"];
    let mut command = Corexdp::command(site.folder.path(), &args);
    let outcome = site.finish(&mut command);
    outcome.expect(0, &[]);
    let file = site.folder.file("late/control");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    daemon.stop();
    assert!(!file.exists());
}

/// Without `/dev/null` the keeper cannot be started.
#[test]
fn keeper_that_cannot_start_leaves_the_filter_attached() {
    let site = Site::new();
    site.folder.write("Corefile", &corefile("localhost:9153"));
    let corexdp = site.command("run", &[]);
    let mut command = Command::new("unshare");
    command.current_dir(site.folder.path());
    command.args(["--mount", "sh", "-c"]);
    command.arg("mount -t tmpfs none /dev && exec \"$@\"");
    command.arg("sh").arg(corexdp.get_program());
    command.args(corexdp.get_args());
    let daemon = site
        .server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1);
    daemon.line("page: cannot start the keeper of its workers: No such file");
    daemon.line("no page is served until corexdp is started again");
    assert_eq!(get(&site, PAGE), None);
    let page = listener(&site, "page");
    let error = "the keeper of the page's workers does not run";
    assert_eq!(
        (&page["up"], &page["error"]),
        (&false.into(), &error.into())
    );
    reload(&site, &daemon, &corefile("localhost:9155"));
    let text = status_text(&site);
    assert!(text.contains(error), "{text}");
    assert!(site.attached().is_some());
    daemon.stop();
}
