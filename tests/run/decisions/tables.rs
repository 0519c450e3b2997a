//! Decisions about the tables of the shipped programs.

use std::fmt::Write as _;
use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{drops, kept};
use support::net::{Daemon, Site};
use support::wait::wait_for;

pub fn corefile(object: &str, lines: &str) -> String {
    format!(". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf {object}.o\n{lines}  }}\n}}\n")
}

pub fn start(object: &str, lines: &str) -> (Site, Daemon) {
    let site = Site::new();
    site.folder.shipped(object);
    let daemon = site.run(&corefile(object, lines)).attached(1);
    (site, daemon)
}

/// Adds a decision, which may override entries.
pub fn add(site: &Site, words: &[&str]) {
    let outcome = site.decide(&[&["add"], words].concat());
    let mut lines = outcome.lines();
    lines.retain(|line| !line.starts_with("corexdp: add: warning: "));
    assert_eq!((outcome.code, lines), (Some(0), vec![]));
}

/// The lines of `dump` about decisions.
pub fn dumped(site: &Site) -> Vec<String> {
    let text = site.ask(&["dump"]).stdout;
    let lines = text.lines().filter(|line| line.contains("# decision"));
    lines.map(str::to_owned).collect()
}

/// Entries in the maps of decisions, by the kernel.
pub fn stored(site: &Site, parts: &[&str]) -> Vec<usize> {
    let filter = site.filter();
    parts.iter().map(|part| filter.map(part).count()).collect()
}

/// Names of the kernel have 15 bytes.
const PARTS: [&str; 2] = ["xdp_map_address", "xdp_map_network"];

#[test]
fn decisions_about_networks_drop_and_end() {
    let lines =
        "    entry 198.51.100.0/24 action=ACL_DROP\n    entry 2001:db8::/32 action=ACL_DROP\n";
    let (site, daemon) = start("acl", lines);
    assert!(!drops(&site, "192.0.2.7") && drops(&site, "198.51.100.7"));
    add(&site, &["192.0.2.7", "action=ACL_DROP"]);
    add(&site, &["203.0.113.0/24", "action=ACL_DROP", "for", "1h"]);
    // A longer decision, and one about the key of an entry.
    add(&site, &["203.0.113.128/25", "action=ACL_PASS"]);
    add(&site, &["198.51.100.0/24", "action=ACL_PASS"]);
    assert_eq!(stored(&site, &PARTS), [1, 3]);
    for (source, is_dropped) in [
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("203.0.113.7", true),
        ("203.0.113.200", false),
        ("198.51.100.7", false),
    ] {
        assert_eq!(drops(&site, source), is_dropped, "{source}");
    }
    let lines = dumped(&site);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(
        lines.iter().any(
            |line| line.starts_with("entry 192.0.2.7/32 action=ACL_DROP")
                && line.ends_with("# decision, no end")
        ),
        "{lines:?}"
    );
    let test = |key: &str| site.ask(&["test", key]).stdout;
    assert!(test("203.0.113.200").contains("203.0.113.128/25 action=ACL_PASS"));
    assert!(test("203.0.113.7").contains("# decision, until 20"));
    assert!(test("198.51.100.7").contains("action=ACL_PASS"));
    assert!(
        test("2001:db8::1").contains("Corefile:7"),
        "{}",
        test("2001:db8::1")
    );
    site.ask(&["test", "192.0.2.9"])
        .expect(1, &["corexdp: no entry decides about 192.0.2.9"]);
    let status: Value = serde_json::from_str(&site.ask(&["status", "--json"]).stdout).unwrap();
    assert_eq!(status["filters"][0]["maps"][0]["decisions"], 4);
    // A part is not a map of its own.
    site.decide(&[
        "add",
        "@xdp_map_networks",
        "192.0.2.0/24",
        "action=ACL_DROP",
    ])
    .refuses(69, &["no map xdp_map_networks; name @xdp_map"]);
    for key in [
        "192.0.2.7",
        "203.0.113.0/24",
        "203.0.113.128/25",
        "198.51.100.0/24",
    ] {
        site.decide(&["delete", key]).expect(0, &[]);
    }
    assert_eq!((stored(&site, &PARTS), kept(&site).len()), (vec![0, 0], 0));
    assert!(!drops(&site, "192.0.2.7") && drops(&site, "198.51.100.7"));
    // The program ignores a decision whose time is up, and the daemon deletes it.
    add(&site, &["192.0.2.7", "action=ACL_DROP", "for", "1s"]);
    wait_for("whether 192.0.2.7 is dropped", &false, || {
        drops(&site, "192.0.2.7")
    });
    wait_for("decisions", &vec![0, 0], || stored(&site, &PARTS));
    daemon.stop();
}

#[test]
fn decisions_about_networks_survive_growth_and_restart() {
    let (site, daemon) = start("acl", "");
    add(&site, &["192.0.2.7", "action=ACL_DROP", "for", "1h"]);
    add(&site, &["203.0.113.0/24", "action=ACL_DROP"]);
    let check = || {
        assert!(drops(&site, "192.0.2.7") && drops(&site, "203.0.113.7"));
        assert!(!drops(&site, "192.0.2.8"));
        assert_eq!(
            (stored(&site, &PARTS), dumped(&site).len()),
            (vec![1, 1], 2)
        );
    };
    check();
    // The table has no room for the list, so the stage gets larger maps.
    let mut list = String::new();
    for n in 0..2000 {
        writeln!(list, "10.{}.{}.0/24", n / 256, n % 256).unwrap();
    }
    fs::write(site.folder.file("list"), list).unwrap();
    let lines = "    list list action=ACL_DROP\n";
    site.folder.write("Corefile", &corefile("acl", lines));
    site.ask(&["reload"]).expect(0, &[]);
    assert!(drops(&site, "10.1.2.3"));
    check();
    let tested = site.ask(&["test", "10.1.2.3"]).stdout;
    assert!(tested.contains("/list:259"), "{tested}");
    site.folder.write("Corefile", &corefile("acl", ""));
    daemon.signal(Signal::SIGHUP);
    daemon.nth_line(1, "reload: done");
    check();
    daemon.stop();
    let daemon = site.run(&corefile("acl", lines)).attached(1);
    check();
    daemon.stop();
}
