//! The control socket, and the dead man's switch.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::packet;
use support::net::{Attached, Corexdp, Daemon, Response, SERVER, Site};
use support::wait::{wait_for, wait_until};

/// Time at which the running Corefile was read.
const READ_AT: &str = "corexdp_last_reload_success_timestamp_seconds";

/// Drops what comes from `network`/16 on `edge0`.
fn corefile(network: &str) -> String {
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf example.o\n    map {network}.FFFF0000.00000000\n    metric dropped 00000000 8 4 \"Dropped.\"\n  }}\n}}\n"
    )
}

fn other(network: &str) -> String {
    corefile(network).replace("example.o", "other/example.o")
}

const OLD: &str = "0A0B0000";
const NEW: &str = "0A0C0000";

/// The time for a confirmation: long enough for a busy machine to do before its end what a test does then.
const TIME: Duration = Duration::from_secs(5);
/// The time for a confirmation, in words of the command line.
const CONFIRM: [&str; 2] = ["--confirm", "5s"];

fn start() -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(&corefile(OLD)).attached(1);
    (site, daemon)
}

/// Waits past the moment at which an unconfirmed change is undone.
fn pause_past_confirmation() {
    sleep(TIME + Duration::from_millis(200));
}

fn drops(site: &Site, source: &str, so_far: u64) {
    site.sender().send(&packet(source), 2);
    site.metric_becomes("coredns_ebpf_dropped", so_far + 2);
}

#[test]
fn reload_says_when_it_is_done_and_what_is_wrong() {
    let (site, daemon) = start();
    site.folder.write("Corefile", &corefile(NEW));
    site.ask(&["reload"]).expect(0, &[]);
    drops(&site, "10.12.0.1", 0);
    let filter = site.filter();
    site.folder.write("Corefile", &corefile("nonsense"));
    let outcome = site.ask(&["reload"]);
    outcome.refuses(78, &["Corefile:6: map: "]);
    assert_eq!(site.filter(), filter);
    fs::remove_file(site.folder.file("Corefile")).unwrap();
    site.ask(&["reload"]).refuses(66, &["Corefile"]);
    drops(&site, "10.12.0.1", 2);
    daemon.stop();
}

/// The reload changes an entry, or the program.
#[test]
fn unconfirmed_reload_is_rolled_back() {
    for new in [corefile(NEW), other(NEW)] {
        undone(&new);
    }
}

fn undone(new: &str) {
    let (site, daemon) = start();
    site.add_other_object();
    drops(&site, "10.11.0.1", 0);
    let before = site.filter();
    let read = site.get("/metrics");
    let read = read.metric(READ_AT).unwrap().to_owned();
    let second: u64 = read.parse().unwrap();
    wait_until(
        "the next second, so that the new Corefile has another time",
        || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            (now.as_secs() > second).then_some(())
        },
    );
    site.folder.write("Corefile", new);
    let asked = Instant::now();
    site.ask(&[&["reload"], &CONFIRM[..]].concat())
        .expect(0, &[]);
    drops(&site, "10.12.0.1", 0);
    daemon.line("warning: unless `corexdp confirm` comes within 5 s, the old filters return");
    // Until then there is no other reload.
    site.ask(&["reload"])
        .refuses(69, &["waits to be confirmed"]);
    let (returned, _) = daemon.nth_line(0, "not confirmed in time: the old filters return");
    shows_the_rollback(&site, &read);
    let delay = returned - asked;
    assert!((TIME..2 * TIME).contains(&delay), "{delay:?}");
    wait_for("the filter", &before, || site.filter());
    // With the counters that it had.
    drops(&site, "10.11.0.1", 2);
    site.ask(&["confirm"])
        .refuses(69, &["nothing waits to be confirmed"]);
    daemon.stop();
}

/// Metrics, status and page say that the last reload was rolled back, and that the Corefile read at `read` runs. The
/// reload that was refused meanwhile is neither counted nor the last.
fn shows_the_rollback(site: &Site, read: &str) {
    let metrics = site.get("/metrics");
    for (result, count) in [("success", "0"), ("failure", "0"), ("unconfirmed", "1")] {
        let name = format!("corexdp_reloads_total{{result=\"{result}\"}}");
        assert_eq!(metrics.metric(&name), Some(count), "{name}");
    }
    assert_eq!(metrics.metric(READ_AT), Some(read));
    assert_eq!(metrics.metric("corexdp_confirm_pending"), Some("0"));
    let text = site.ask(&["status"]).stdout;
    for part in [
        "reloads: 0 done, 0 failed, 1 not confirmed; the last at 20",
        "Z: unconfirmed\n  not confirmed in time: the old filters return; the Corefile is still the new one",
        "put the old one back, or reload with --confirm again\n",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let page = site.get("/").body;
    let banner =
        "<p class=\"warning\">the last reload was not confirmed and rolled back, at <time>20";
    assert!(page.contains(banner), "{page}");
}

fn polling(network: &str) -> String {
    corefile(network).replace("  prometheus\n", "  prometheus\n  reload 2s 1s\n")
}

/// The new Corefile has no `reload`; the old one, which returns, has.
#[test]
fn rollback_restores_the_polls_of_the_corefile() {
    let site = Site::new();
    let daemon = site.run(&polling(OLD)).attached(1);
    site.folder.write("Corefile", &corefile(NEW));
    site.ask(&["reload", "--confirm", "1s"]).expect(0, &[]);
    daemon.line("not confirmed in time: the old filters return");
    site.folder.write("Corefile", &polling("0A0D0000"));
    daemon.nth_line(1, "reload: done");
    drops(&site, "10.13.0.1", 0);
    // The polls did not try the lapsed Corefile.
    assert_eq!(daemon.lines_with("has changed").len(), 1);
    daemon.stop();
}

#[test]
fn a_refused_second_reload_leaves_the_polls() {
    let site = Site::new();
    let daemon = site.run(&polling(OLD)).attached(1);
    site.folder.write("Corefile", &polling(NEW));
    site.ask(&["reload", "--confirm", "1m"]).expect(0, &[]);
    site.ask(&["reload"])
        .refuses(69, &["waits to be confirmed"]);
    site.ask(&["confirm"]).expect(0, &[]);
    site.folder.write("Corefile", &polling("0A0D0000"));
    daemon.nth_line(1, "reload: done");
    daemon.stop();
}

#[test]
fn confirmed_reload_stays() {
    let (site, daemon) = start();
    site.folder.write("Corefile", &corefile(NEW));
    site.ask(&[&["reload"], &CONFIRM[..]].concat())
        .expect(0, &[]);
    let filter = site.filter();
    site.ask(&["confirm"]).expect(0, &[]);
    pause_past_confirmation();
    assert_eq!(site.filter(), filter);
    drops(&site, "10.12.0.1", 0);
    daemon.stop();
}

#[test]
fn unconfirmed_interfaces_and_pages_are_rolled_back() {
    let (site, daemon) = start();
    site.add_wire("edge1", "far1");
    let moved = corefile(NEW)
        .replace("edge0", "edge1")
        .replace("prometheus", "prometheus localhost:9154");
    site.folder.write("Corefile", &moved);
    site.ask(&[&["reload"], &CONFIRM[..]].concat())
        .expect(0, &[]);
    let on = |name: &str| Attached::on(&site.server, name).is_some();
    assert!(!on(SERVER) && on("edge1"));
    wait_for(
        "whether the old and the new filter are there",
        &(true, false),
        || (on(SERVER), on("edge1")),
    );
    wait_until("the old page is back", || {
        let page = site
            .server
            .attempt("curl -sf http://127.0.0.1:9153/metrics");
        if page.status.success() {
            Ok(())
        } else {
            Err(page.status)
        }
    });
    drops(&site, "10.11.0.1", 0);
    daemon.stop();
}

#[test]
fn unconfirmed_start_ends() {
    let site = Site::new();
    site.folder.write("Corefile", &corefile(OLD));
    let daemon = site.start(&["--confirm", "300ms"]).attached(1);
    let (code, lines) = daemon.ended();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert_eq!(
        lines.last().unwrap(),
        "stopped by lack of confirmation, detached"
    );
    assert_eq!(site.attached(), None);
}

#[test]
fn confirmed_start_stays() {
    let site = Site::new();
    site.folder.write("Corefile", &corefile(OLD));
    let daemon = site.start(&CONFIRM).attached(1);
    site.ask(&["confirm"]).expect(0, &[]);
    pause_past_confirmation();
    drops(&site, "10.11.0.1", 0);
    daemon.stop();
}

#[test]
fn the_socket_is_for_the_superuser_and_ends_with_the_daemon() {
    let (site, daemon) = start();
    let socket = site.folder.file("control");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    daemon.stop();
    assert!(!socket.exists());
    site.ask(&["reload"])
        .refuses(69, &["no daemon listens at control"]);
}

#[test]
fn a_socket_that_a_killed_daemon_left_is_taken_over() {
    let (site, daemon) = start();
    daemon.kill();
    assert!(site.folder.file("control").exists());
    wait_for("the program of the interface", &None, || site.attached());
    let daemon = site.start(&[]).attached(1);
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}

#[test]
fn two_daemons_do_not_share_a_socket() {
    let (site, daemon) = start();
    site.add_wire("edge1", "far1");
    site.folder.write(
        "Second",
        &corefile(OLD)
            .replace("edge0", "edge1")
            .replace("  prometheus\n", ""),
    );
    let second = |corefile| {
        let mut second = Corexdp::command(site.folder.path(), &["run", "-conf", corefile]);
        second.args(["--log", "stderr", "--control", "control"]);
        site.finish(&mut second)
    };
    let owner = format!(
        "cannot create control socket control: another corexdp, process {}, listens there; stop it, or ",
        daemon.pid()
    );
    let outcome = second("Corefile");
    // Nothing comes before the refusal: no warning about the first daemon's page.
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:#?}");
    for outcome in [outcome, second("Second")] {
        outcome.refuses(69, &[&owner, "a second daemon needs another --control"]);
    }
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}

/// Clients that connect and say nothing hold up nobody.
#[test]
fn silent_clients_do_not_block_others() {
    let (site, daemon) = start();
    let clients: Vec<_> = (0..20)
        .map(|_| {
            use nix::sys::socket::*;
            let flags = SockFlag::SOCK_CLOEXEC;
            let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
            let address = UnixAddr::new(&site.folder.file("control")).unwrap();
            let number = std::os::fd::AsRawFd::as_raw_fd(&fd);
            wait_until("the queue has a place", || connect(number, &address).ok());
            fd
        })
        .collect();
    site.ask(&["reload"]).expect(0, &[]);
    let page = Response::to(&site.server, support::net::PAGE, "GET /metrics HTTP/1.1");
    assert_eq!(page.status, 200);
    drop(clients);
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}
