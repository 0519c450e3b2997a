//! `debug` logs every change of a map value promptly.

use std::time::{Duration, Instant};

use crate::packet;
use support::net::{Daemon, Site, peak_memory};
use support::wait::prompt;

fn corefile(server_block: &str, object: &str, entries: &str) -> String {
    format!(
        ". {{\n  {server_block}\n  ebpf {{\n    elf {object}.o\n    if edge0\n    {entries}\n  }}\n}}\n"
    )
}

fn start(object: &str, entries: &str) -> (Site, Daemon) {
    let site = Site::new();
    site.folder.fixture(object);
    let daemon = site.run(&corefile("debug", object, entries)).attached(1);
    (site, daemon)
}

#[test]
fn debug_logs_a_change_within_100_ms() {
    let (site, daemon) = start("example", "map 0A0B0000.FFFF0000.00000000");
    let sender = site.sender();
    // Each packet is sent right after a poll, so its change waits for a whole interval.
    prompt(Duration::from_millis(100), |number| {
        let count = number + 1;
        let sent = Instant::now();
        sender.send(&packet("10.11.0.1"), 1);
        let (came, line) = daemon.line(&format!("FFFF00000{count}000000"));
        assert_eq!(
            line,
            format!("map xdp_map: key=00000000 value=0A0B0000FFFF00000{count}000000")
        );
        came - sent
    });
    daemon.stop();
}

#[test]
fn debug_logs_nothing_without_a_change() {
    let (site, daemon) = start("example", "map 0A0B0000.FFFF0000.00000000");
    let sender = site.sender();
    sender.send(&packet("10.12.0.1"), 10);
    sender.send(&packet("10.11.0.1"), 1);
    daemon.line("value=0A0B0000FFFF000001000000");
    let lines = daemon.stop();
    let changes: Vec<&String> = lines.iter().filter(|line| line.contains("key=")).collect();
    assert_eq!(
        changes,
        ["map xdp_map: key=00000000 value=0A0B0000FFFF000001000000"]
    );
}

#[test]
fn debug_logs_entries_of_the_program() {
    let (site, daemon) = start("hash", "map C6336401 0500000000000000");
    let sender = site.sender();
    for (source, line) in [
        (
            "198.51.100.1",
            "map xdp_map: key=C6336401 value=0600000000000000",
        ),
        (
            "203.0.113.9",
            "map xdp_map: key=CB007109 value=0100000000000000",
        ),
        (
            "203.0.113.10",
            "map xdp_map: key=CB00710A value=0100000000000000",
        ),
    ] {
        sender.send(&packet(source), 1);
        assert_eq!(daemon.line(line).1, line);
    }
    daemon.stop();
}

#[test]
fn debug_logs_writes_of_other_programs() {
    let (site, daemon) = start("example", "map 0A0B0000.FFFF0000.00000000");
    let map = site.filter().map("xdp_map");
    map.update("0f 00 00 00", "de ad be ef 00 00 00 00 ff ff ff ff");
    let (_, line) = daemon.line("key=0F000000");
    assert_eq!(
        line,
        "map xdp_map: key=0F000000 value=DEADBEEF00000000FFFFFFFF"
    );
    daemon.stop();
}

#[test]
fn without_debug_no_change_is_logged() {
    let site = Site::new();
    let daemon = site
        .run(&corefile(
            "prometheus",
            "example",
            "map 0A0B0000.FFFF0000.00000000\nmetric packets 00000000 8 4 \"Packets.\"",
        ))
        .attached(1);
    site.sender().send(&packet("10.11.0.1"), 3);
    site.metric_becomes("coredns_ebpf_packets", 3);
    std::thread::sleep(Duration::from_millis(200));
    let lines = daemon.stop();
    assert!(
        !lines.iter().any(|line| line.contains("key=")),
        "{lines:#?}"
    );
}

#[test]
fn memory_is_bounded_by_entries_not_max_entries() {
    let (site, daemon) = start("vast", "entry 10.0.0.0/8 value=1");
    let memory = peak_memory(daemon.pid());
    assert!(memory < 24 << 20, "{memory} bytes");
    let map = site.filter().map("xdp_map");
    map.update("20 00 00 00 c0 00 02 01", "02 00 00 00 00 00 00 00");
    let (_, line) = daemon.line("key=20000000C0000201");
    assert_eq!(
        line,
        "map xdp_map: key=20000000C0000201 value=0200000000000000"
    );
    daemon.stop();
}
