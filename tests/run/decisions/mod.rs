//! `corexdp add` and `corexdp delete`: decisions at run time, beside the entries of the Corefile.

mod batch;
mod chains;
mod feeding;
mod folder;
mod keeping;
mod names;
mod overriding;
mod refusing;
pub mod tables;
mod testing;

use std::fs;
use std::time::{Duration, Instant};

use crate::packet;
use support::net::{Daemon, Site};
use support::wait::{wait_for, wait_until};

/// Folder and file that keep the decisions of a site.
const FILE: &str = "state/decisions";

/// A site whose object blocks sources with plain maps.
fn blocks() -> Site {
    let site = Site::new();
    site.folder.fixture("blocks");
    site
}

/// A Corefile with these lines in its `ebpf` block.
fn corefile(lines: &str) -> String {
    format!(". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf blocks.o\n{lines}  }}\n}}\n")
}

fn start(site: &Site, lines: &str) -> Daemon {
    site.run(&corefile(lines)).attached(1)
}

/// True if the filter drops a packet from this source.
fn drops(site: &Site, source: &str) -> bool {
    let count = |verdict: &str| -> u64 {
        let page = site.get("/metrics");
        let name = format!("corexdp_packets_total{{verdict=\"{verdict}\"}}");
        page.metric(&name).unwrap().parse().unwrap()
    };
    let before = (count("pass"), count("drop"));
    site.sender().send(&packet(source), 1);
    wait_until("the packet is counted", || {
        let now = (count("pass"), count("drop"));
        // Packets of the kernel itself pass too.
        if now.1 > before.1 {
            return Ok(true);
        }
        if now.0 > before.0 {
            return Ok(false);
        }
        Err(now)
    })
}

/// The lines of the file that keeps decisions.
fn kept(site: &Site) -> Vec<String> {
    let text = fs::read_to_string(site.folder.file(FILE)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn entries(site: &Site, map: &str) -> usize {
    site.filter().map(map).count()
}

#[test]
fn added_decision_drops_and_deleted_decision_passes() {
    let site = blocks();
    let daemon = start(&site, "");
    assert!(!drops(&site, "192.0.2.7"));
    let added = site.decide(&["add", "192.0.2.7", "action=BLOCK_DROP"]);
    added.expect(0, &[]);
    let line = "edge0 blocks entry 192.0.2.7/32 action=BLOCK_DROP";
    assert_eq!(added.stdout, format!("{line}\n"));
    assert_eq!(kept(&site), [line]);
    assert!(drops(&site, "192.0.2.7") && !drops(&site, "192.0.2.8"));
    // A decision in another map, and one that covers it.
    site.decide(&[
        "add",
        "-i",
        "edge0",
        "@hosts",
        "192.0.2.7",
        "action=BLOCK_PASS",
    ])
    .expect(0, &[]);
    assert!(!drops(&site, "192.0.2.7"));
    site.decide(&["delete", "@hosts", "192.0.2.7"])
        .expect(0, &[]);
    assert!(drops(&site, "192.0.2.7"));
    site.decide(&["delete", "192.0.2.7"]).expect(0, &[]);
    assert!(!drops(&site, "192.0.2.7"));
    assert_eq!(kept(&site), [""; 0]);
    site.decide(&["delete", "192.0.2.7"]).expect(
        1,
        &["corexdp: delete: no decision about 192.0.2.7/32 in xdp_map"],
    );
    daemon.stop();
}

#[test]
fn decision_ends_when_its_time_is_up() {
    let site = blocks();
    let daemon = start(&site, "");
    let begin = Instant::now();
    for (map, source) in [
        ("xdp_map", "192.0.2.7"),
        ("hosts", "192.0.2.8"),
        ("recent", "192.0.2.9"),
    ] {
        let map = format!("@{map}");
        site.decide(&["add", &map, source, "action=BLOCK_DROP", "for", "2s"])
            .expect(0, &[]);
    }
    site.decide(&["add", "192.0.2.10", "action=BLOCK_DROP"])
        .expect(0, &[]);
    assert!(drops(&site, "192.0.2.8"));
    // Another time replaces the first.
    site.decide(&["add", "192.0.2.7", "action=BLOCK_DROP", "for", "1h"])
        .expect(0, &[]);
    for map in ["hosts", "recent"] {
        wait_for(map, &0, || entries(&site, map));
    }
    assert!(begin.elapsed() >= Duration::from_secs(2));
    assert_eq!(entries(&site, "xdp_map"), 2);
    assert!(drops(&site, "192.0.2.7") && drops(&site, "192.0.2.10"));
    daemon.stop();
}

/// The first interface of two that have the map can be named; without a name, the decision goes to both.
#[test]
fn decision_goes_to_all_interfaces_that_have_the_map() {
    let site = blocks();
    site.add_wire("edge1", "cli1");
    let second = corefile("").replace("edge0", "edge1");
    let second = second
        .replace("  prometheus\n", "")
        .replacen(". {", "lan {", 1);
    let daemon = site.run(&(corefile("") + &second)).attached(2);
    let added = site.decide(&["add", "192.0.2.7", "action=BLOCK_DROP", "for", "1h"]);
    added.expect(0, &[]);
    let lines: Vec<_> = added
        .stdout
        .lines()
        .map(|line| line.split_once(' ').unwrap().0)
        .collect();
    assert_eq!(lines, ["edge0", "edge1"]);
    site.decide(&["delete", "-i", "edge1", "192.0.2.7"])
        .expect(0, &[]);
    assert_eq!(kept(&site).len(), 1);
    site.decide(&["delete", "-i", "edge1", "192.0.2.7"]).expect(
        1,
        &["corexdp: delete: no decision about 192.0.2.7/32 in xdp_map"],
    );
    assert_eq!(entries(&site, "xdp_map"), 1);
    daemon.stop();
}
