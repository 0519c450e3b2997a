//! The daemon allocates only while starting and reloading. Its test build counts allocations.

use crate::packet;
use support::net::{CLIENT, Daemon, SERVER, Site, detach_link};
use support::wait::wait_for;

const COREFILE: &str = ". {
  prometheus
  debug
  ebpf {
    if edge0
    elf hash.o
    map C6336401 0500000000000000
    metric first C6336401 0 8 \"First.\"
  }
}
";

fn start() -> (Site, Daemon) {
    let site = Site::new();
    site.folder.fixture("hash");
    let daemon = site.run(COREFILE).attached(1);
    // The first responses may allocate, so they come before the count.
    for path in ["/metrics", "/", "/status"] {
        assert_eq!(site.get(path).status, 200);
    }
    (site, daemon)
}

fn allocations(site: &Site) -> String {
    let page = site.get("/metrics");
    page.metric("corexdp_allocations_total").unwrap().to_owned()
}

#[test]
fn scrapes_and_changes_allocate_nothing() {
    let (site, daemon) = start();
    let before = allocations(&site);
    assert_ne!(before, "0", "the start allocates");
    let sender = site.sender();
    for last in 1..50 {
        sender.send(&packet(&format!("203.0.113.{last}")), 1);
        daemon.line(&format!("key=CB0071{last:02X}"));
        assert_eq!(site.get("/").status, 200);
    }
    assert_eq!(allocations(&site), before);
    daemon.stop();
}

#[test]
fn interfaces_that_return_allocate_nothing() {
    let (site, daemon) = start();
    let before = allocations(&site);
    for round in 0..5 {
        site.server.run("ip link delete edge0");
        daemon.nth_line(round, "warning: edge0: the interface has gone");
        site.add_wire(SERVER, CLIENT);
        daemon.nth_line(round, "edge0: attached again in native mode");
    }
    site.server.run("ip link set edge0 name other0");
    daemon.nth_line(5, "warning: edge0: the interface has gone");
    assert_eq!(allocations(&site), before);
    daemon.stop();
}

#[test]
fn detached_filters_that_return_allocate_nothing() {
    let (site, daemon) = start();
    let before = allocations(&site);
    for _ in 0..5 {
        let filter = site.filter();
        detach_link(&filter);
        assert_eq!(site.get("/").status, 200);
        assert_eq!(site.filter(), filter);
    }
    assert_eq!(allocations(&site), before);
    daemon.stop();
}

#[test]
fn clients_of_the_control_socket_allocate_nothing() {
    let (site, daemon) = start();
    let before = allocations(&site);
    for _ in 0..10 {
        for words in [&["status"][..], &["dump", "--json"]] {
            site.ask(words).expect(0, &[]);
        }
        assert_eq!(site.get("/status").status, 200);
    }
    assert_eq!(allocations(&site), before);
    daemon.stop();
}

/// Adds decisions, one of which ends, scrapes, and deletes the others.
fn decide_for_a_while(site: &Site, field: &str, keys: &[&str]) {
    for key in keys {
        for words in [&["add", key, field][..], &["add", key, field, "for", "1h"]] {
            site.decide(words).expect(0, &[]);
        }
    }
    site.decide(&["add", keys[0], field, "for", "100ms"])
        .expect(0, &[]);
    assert_eq!(site.get("/status").status, 200);
    wait_for("decisions", &(keys.len() - 1).to_string(), || {
        let page = site.get("/metrics");
        let decisions = page.metric("corexdp_decisions{map=\"xdp_map\"}");
        decisions.unwrap().to_owned()
    });
    for key in &keys[1..] {
        site.decide(&["delete", key]).expect(0, &[]);
    }
}

/// The list of a map's decisions allocates once, at the first one.
#[test]
fn decisions_about_tables_allocate_nothing() {
    for (object, field, keys) in [
        (
            "acl",
            "action=ACL_DROP",
            &["192.0.2.7", "192.0.2.0/24", "2001:db8::/32"][..],
        ),
        (
            "qname",
            "action=QNAME_DROP",
            &["ads.example", "tracker.example"],
        ),
    ] {
        let site = Site::new();
        site.folder.shipped(object);
        let corefile = format!(
            ". {{\n  prometheus\n  debug\n  ebpf {{\n    if edge0\n    elf {object}.o\n  }}\n}}\n"
        );
        let daemon = site.run(&corefile).attached(1);
        for path in ["/metrics", "/", "/status"] {
            assert_eq!(site.get(path).status, 200);
        }
        decide_for_a_while(&site, field, keys);
        let before = allocations(&site);
        for _ in 0..3 {
            decide_for_a_while(&site, field, keys);
        }
        assert_eq!(allocations(&site), before, "{object}");
        daemon.stop();
    }
}

/// Shows that the counter works: a reload may allocate.
#[test]
fn reload_allocates() {
    let (site, daemon) = start();
    let before = allocations(&site);
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.line("reload: done");
    assert_ne!(allocations(&site), before);
    daemon.stop();
}
