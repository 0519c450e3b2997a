//! Filters that another process detached or replaced: every request reports the true state, and attaches the filter
//! again.

#[cfg(feature = "faults")]
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::packet;
use crate::status::{json, status_text};
use support::net::{Attached, Daemon, NATIVE, Response, Site, detach_link, put_into_link};
use support::wait::wait_until;

pub(super) const COREFILE: &str = ". {
  prometheus
  ready 127.0.0.1:8181
  ebpf {
    if edge0
    elf example.o
    map 0A0B0000.FFFF0000.00000000
    metric dropped 00000000 8 4 \"Dropped.\"
  }
}
";

const AGAIN: &str = "edge0: attached again in native mode";

fn start() -> (Site, Daemon) {
    let site = Site::new();
    site.folder.fixture("foreign");
    let daemon = site.run(COREFILE).attached(1);
    (site, daemon)
}

fn ready(site: &Site) -> (u16, String) {
    let response = Response::to(&site.server, "127.0.0.1:8181", "GET /ready HTTP/1.1");
    (response.status, response.body)
}

fn good() -> (u16, String) {
    (200, "OK".into())
}

/// Without requests, the timer of `reload` makes the daemon check its filters.
#[test]
fn reload_timer_reattaches_a_filter() {
    let site = Site::new();
    let text = COREFILE.replace("  prometheus\n", "  reload 2s 1s\n");
    let daemon = site.run(&text).attached(1);
    let filter = site.filter();
    detach_link(&filter);
    daemon.line(AGAIN);
    assert_eq!(site.filter(), filter);
    daemon.stop();
}

/// Attaches the program of another owner.
fn attach_foreign(site: &Site) -> Attached {
    let object = site.folder.file("foreign.o");
    let object = object.display();
    site.server.run(&format!(
        "ip -force link set edge0 xdp object {object} section xdp"
    ));
    site.filter()
}

/// Requests the state in one way. The response must show an attached filter.
fn ask(site: &Site, way: &str) {
    match way {
        "ready" => assert_eq!(ready(site), good()),
        "metrics" => {
            let name = "corexdp_filter_attached{interface=\"edge0\",mode=\"native\"}";
            assert_eq!(site.get("/metrics").metric(name), Some("1"));
        }
        "page" => assert!(site.get("/").body.contains("<strong>Filtering</strong>")),
        "/status" => {
            let page: Value = serde_json::from_str(&site.get("/status").body).unwrap();
            assert_eq!(page["filters"][0]["attached"], true);
        }
        "status" => assert_eq!(json(site, &[])["filters"][0]["attached"], true),
        "reload" => site.ask(&["reload"]).expect(0, &[]),
        _ => panic!("{way}"),
    }
}

const WAYS: [&str; 6] = ["ready", "metrics", "page", "/status", "status", "reload"];

fn reattached(site: &Site, times: usize) {
    let name = "corexdp_filter_reattached_total{interface=\"edge0\"}";
    site.metric_becomes(name, times as u64);
}

#[test]
fn detached_filter_is_reattached_at_each_request() {
    let (site, daemon) = start();
    for (number, way) in WAYS.into_iter().enumerate() {
        let before = site.filter();
        site.sender().send(&packet("10.11.0.1"), 2);
        site.metric_becomes("coredns_ebpf_dropped", 2 * (number as u64 + 1));
        detach_link(&before);
        assert_eq!(site.attached(), None);
        ask(&site, way);
        assert_eq!(site.attached(), Some(before), "{way}");
        daemon.nth_line(
            number,
            "warning: edge0: another process detached the program",
        );
        daemon.nth_line(number, AGAIN);
        reattached(&site, number + 1);
    }
    daemon.stop();
    assert_eq!(site.attached(), None);
}

#[test]
fn replaced_program_is_restored_at_each_request() {
    let (site, daemon) = start();
    let (elsewhere, owner) = start();
    let other = elsewhere.filter();
    for (number, way) in WAYS.into_iter().enumerate() {
        let before = site.filter();
        put_into_link(&before, &other);
        assert_eq!(site.filter().id, other.id);
        ask(&site, way);
        assert_eq!(site.attached(), Some(before), "{way}");
        let found = format!(
            "warning: edge0: another process replaced the program; the new program has id {}",
            other.id
        );
        daemon.nth_line(number, &found);
        reattached(&site, number + 1);
    }
    site.sender().send(&packet("10.11.0.1"), 2);
    site.metric_becomes("coredns_ebpf_dropped", 2);
    daemon.stop();
    owner.stop();
}

/// The warning is logged once, however often the state is requested.
#[test]
fn detached_filter_waits_for_a_foreign_program() {
    let (site, daemon) = start();
    let before = site.filter();
    detach_link(&before);
    let other = attach_foreign(&site);
    let reason = format!("another XDP program is attached, id {}", other.id);
    for _ in 0..3 {
        assert_eq!(ready(&site), (503, "edge0".into()));
        let name = "corexdp_filter_attached{interface=\"edge0\",mode=\"none\"}";
        assert_eq!(site.get("/metrics").metric(name), Some("0"));
        let filter = &json(&site, &[])["filters"][0];
        assert_eq!(
            (&filter["attached"], filter["reason"].as_str()),
            (&Value::Bool(false), Some(&reason[..])),
            "{filter}"
        );
        let text = status_text(&site);
        assert!(
            text.contains(&format!("\nedge0: not attached: {reason}\n")),
            "{text}"
        );
        assert!(site.get("/").body.contains(&reason));
    }
    let warning = format!("edge0: is not filtered: {reason}; retrying in 1 s");
    assert_eq!(daemon.lines_with("is not filtered"), [warning]);
    let refused = site.ask(&["reload"]);
    let reason = format!("interface edge0 has another XDP program, id {}", other.id);
    refused.refuses(69, &[&reason]);
    assert_eq!(site.filter().id, other.id);
    site.server.run("ip link set edge0 xdp off");
    daemon.line(AGAIN);
    assert_eq!(site.filter().id, before.id);
    assert_eq!(ready(&site), good());
    assert_eq!(json(&site, &[])["filters"][0]["reason"], Value::Null);
    daemon.stop();
}

/// The reload is the first to notice that the filter is detached.
#[test]
fn reload_attaches_a_detached_filter() {
    let (site, daemon) = start();
    site.add_other_object();
    let entries = COREFILE.replace("0A0B0000", "0A0C0000");
    let program = entries.replace("example.o", "other/example.o");
    let generic = program.replace("elf", "mode generic\n    elf");
    let native = program.replace("elf", "mode native\n    elf");
    let corefiles = [COREFILE, &entries, &program, &generic, &native];
    for (number, corefile) in corefiles.into_iter().enumerate() {
        site.folder.write("Corefile", corefile);
        detach_link(&site.filter());
        site.ask(&["reload"]).expect(0, &[]);
        assert_eq!(site.filter().mode == NATIVE, corefile != generic);
        assert_eq!(ready(&site), good());
        reattached(&site, number + 1);
    }
    site.sender().send(&packet("10.12.0.1"), 2);
    site.metric_becomes("coredns_ebpf_dropped", 2);
    let away = ". {\n  prometheus\n}\n";
    site.folder.write("Corefile", away);
    detach_link(&site.filter());
    site.ask(&["reload"]).expect(0, &[]);
    assert_eq!(site.attached(), None);
    daemon.stop();
}

/// An unconfirmed filter is rolled back, although it was detached and attached again.
#[test]
fn filter_detached_before_confirmation_is_rolled_back() {
    let (site, daemon) = start();
    site.add_other_object();
    let entries = COREFILE.replace("0A0B0000", "0A0C0000");
    let program = COREFILE.replace("example.o", "other/example.o");
    for (number, corefile) in [entries, program].iter().enumerate() {
        let before = site.filter();
        site.folder.write("Corefile", corefile);
        site.ask(&["reload", "--confirm", "3s"]).expect(0, &[]);
        detach_link(&site.filter());
        assert_eq!(ready(&site), good());
        daemon.nth_line(number, "not confirmed in time: the reload is rolled back");
        wait_until("the old filter is attached", || {
            (site.attached().as_ref() == Some(&before)).then_some(())
        });
    }
    site.sender().send(&packet("10.12.0.1"), 2);
    site.sender().send(&packet("10.11.0.1"), 2);
    site.metric_becomes("coredns_ebpf_dropped", 2);
    daemon.stop();
}

/// The daemon sleeps; only a request or an event of the interface wakes it.
#[test]
fn detached_filter_is_not_noticed_without_a_request() {
    let (site, daemon) = start();
    let filter = site.filter();
    detach_link(&filter);
    support::net::pause(1500);
    assert_eq!(site.attached(), None);
    site.server.run("ip link set edge0 mtu 1400");
    daemon.line(AGAIN);
    assert_eq!(site.filter(), filter);
    daemon.stop();
}

/// Kernels before 5.9 have no XDP links. There any process may detach or replace the program.
#[cfg(feature = "faults")]
#[test]
fn filter_attached_over_netlink_is_restored() {
    let site = Site::new();
    site.folder.fixture("foreign");
    site.folder.write("Corefile", COREFILE);
    let mut command = site.command("run", &[]);
    command.env("COREXDP_FAULT", "link_create:EINVAL");
    let spawn = || Daemon::spawn(&mut command);
    let daemon = site.server.enter(spawn).attached(1);
    let before = site.filter();
    site.server.run("ip link set edge0 xdp off");
    daemon.line("warning: edge0: another process detached the program");
    daemon.line(AGAIN);
    assert_eq!(site.filter(), before);
    let other = attach_foreign(&site);
    let reason = format!("another XDP program is attached, id {}", other.id);
    daemon.line(&format!(
        "warning: edge0: another process replaced the program; the new program has id {}",
        other.id
    ));
    daemon.line(&format!(
        "edge0: is not filtered: {reason}; retrying in 1 s"
    ));
    assert_eq!(ready(&site), (503, "edge0".into()));
    site.server.run("ip link set edge0 xdp off");
    daemon.nth_line(1, AGAIN);
    for way in WAYS {
        // The stopped daemon cannot receive the event of the interface before the request.
        daemon.signal(Signal::SIGSTOP);
        site.server.run("ip link set edge0 xdp off");
        daemon.signal(Signal::SIGCONT);
        ask(&site, way);
        assert_eq!(site.filter(), before, "{way}");
    }
    daemon.stop();
    assert_eq!(site.attached(), None);
}
