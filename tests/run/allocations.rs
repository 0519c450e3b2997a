//! The daemon allocates only while starting and reloading. Its test build counts allocations.

use crate::packet;
use support::net::{CLIENT, Daemon, SERVER, Site, detach_link};

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
