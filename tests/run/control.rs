//! The control socket.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::packet;
use support::net::{Corexdp, Daemon, Response, Site};
use support::wait::{wait_for, wait_until};

/// A Corefile that drops packets from `network`/16 on `edge0`.
pub(super) fn corefile(network: &str) -> String {
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf example.o\n    map {network}.FFFF0000.00000000\n    metric dropped 00000000 8 4 \"Dropped.\"\n  }}\n}}\n"
    )
}

pub(super) const OLD: &str = "0A0B0000";
pub(super) const NEW: &str = "0A0C0000";

pub(super) fn start() -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(&corefile(OLD)).attached(1);
    (site, daemon)
}

pub(super) fn drops(site: &Site, source: &str, so_far: u64) {
    site.sender().send(&packet(source), 2);
    site.metric_becomes("coredns_ebpf_dropped", so_far + 2);
}

#[test]
fn reload_reports_success_and_errors() {
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

#[test]
fn control_socket_is_root_only_and_removed_at_exit() {
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
fn control_socket_of_a_killed_daemon_is_replaced() {
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
        "cannot create control socket control: another corexdp, process {}, listens on it; stop it, or ",
        daemon.pid()
    );
    let outcome = second("Corefile");
    // The refusal comes first: the second daemon does not warn about the page of the first.
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:#?}");
    for outcome in [outcome, second("Second")] {
        outcome.refuses(69, &[&owner, "a second daemon needs another --control"]);
    }
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}

/// Clients connect and send nothing.
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
            wait_until("the backlog has room", || connect(number, &address).ok());
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
