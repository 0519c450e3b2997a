//! The Corefiles in the documentation of the ebpf plugin, unchanged except for the names of interface and object.

use crate::packet;
use support::net::{Daemon, Site};
use support::wait::wait_until;

const UNDELIMITED: &str = ". {
  ebpf {
    if edge0
    elf example.o
    map 00000000 0A0B0000FFFF000000000000
  }
}
";

const DELIMITED: &str = ". {
  ebpf {
    if edge0
    elf example.o
    map 00000000 0A0B0000.FFFF0000.00000000
  }
}
";

const DEBUG: &str = ". {
  debug
  ebpf {
    if edge0
    elf example.o
    map 00000000 0A0B0000.FFFF0000.00000000
  }
}
";

const KEYLESS: &str = ". {
  ebpf {
    if edge0
    elf example.o
    map 0A0B0000.FFFF0000.00000000
    map 0A0C0000.FFFF0000.00000000
    map 0A0D0000.FFFF0000.00000000
  }
}
";

const KEYED: &str = ". {
  ebpf {
    if edge0
    elf example.o
    map 00000000 0A0B0000.FFFF0000.00000000
    map 01000000 0A0C0000.FFFF0000.00000000
    map 02000000 0A0D0000.FFFF0000.00000000
  }
}
";

const METRIC: &str = ". {
  prometheus :9153
  ebpf {
    if edge0
    elf example.o
    map 00000000 0A0B0000.FFFF0000.00000000
    map 01000000 0A0C0000.FFFF0000.00000000
    map 02000000 0A0D0000.FFFF0000.00000000
    metric example_total 02000000 8 4 \"Example count.\"
  }
}
";

/// Options in the order of the syntax block, with keyed and keyless entries.
const SYNTAX: &str = ". {
  prometheus
  ebpf {
    elf example.o
    if edge0
    map 0A0B0000.FFFF0000.00000000
    map 02000000 0A0D0000.FFFF0000.00000000
    map 0A0E0000.FFFF0000.00000000
    map 01000000 0A0C0000.FFFF0000.00000000
    metric example_total 01000000 8 4 \"Example count.\"
  }
}
";

fn start(corefile: &str) -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(corefile).attached(1);
    (site, daemon)
}

/// The map entries that are not all zero.
fn entries(corefile: &str) -> Vec<(String, String)> {
    let (site, daemon) = start(corefile);
    let entries = site.filter().map("xdp_map").entries();
    daemon.stop();
    entries
}

fn entry(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

/// Sends a packet from each source, and checks that exactly the sources marked `true` pass.
fn expect_passes(site: &Site, sources: &[(&str, bool)]) {
    let (sender, receiver) = (site.sender(), site.receiver());
    // This packet always passes and is sent last.
    let last = packet("192.0.2.1");
    for (source, _) in sources {
        sender.send(&packet(source), 1);
    }
    sender.send(&last, 1);
    let mut arrived = Vec::new();
    // Packets sent from several CPUs may overtake each other.
    wait_until(
        "the last packet and all packets that must pass have arrived",
        || {
            arrived.extend(std::iter::from_fn(|| receiver.next()));
            let mut missing = sources.to_vec();
            missing.retain(|(source, passes)| *passes && !arrived.contains(&packet(source)));
            if missing.is_empty() && arrived.contains(&last) {
                Ok(())
            } else {
                Err(missing)
            }
        },
    );
    for (source, passes) in sources {
        assert_eq!(arrived.contains(&packet(source)), *passes, "{source}");
    }
}

#[test]
fn dots_in_entries_are_ignored() {
    let expected = [entry("00000000", "0A0B0000FFFF000000000000")];
    assert_eq!(entries(UNDELIMITED), expected);
    assert_eq!(entries(DELIMITED), expected);
}

#[test]
fn entry_drops_its_network() {
    let (site, daemon) = start(DELIMITED);
    let mut sources = [
        ("10.11.0.1", false),
        ("10.11.255.255", false),
        ("10.12.0.1", true),
        ("10.10.255.255", true),
        ("10.11.7.7", false),
    ];
    expect_passes(&site, &sources);
    let count = [entry("00000000", "0A0B0000FFFF000003000000")];
    assert_eq!(site.filter().map("xdp_map").entries(), count);
    daemon.stop();
    for (_, passes) in &mut sources {
        *passes = true;
    }
    expect_passes(&site, &sources);
}

/// The documentation shows a big-endian count; this object counts little-endian, as `metric` reads it.
#[test]
fn debug_logs_changes_by_packets() {
    let (site, daemon) = start(DEBUG);
    site.sender().send(&packet("10.11.0.1"), 7);
    let (_, line) = daemon.line("value=0A0B0000FFFF000007000000");
    assert_eq!(
        line,
        "map xdp_map: key=00000000 value=0A0B0000FFFF000007000000"
    );
    daemon.stop();
}

#[test]
fn entries_without_keys_are_numbered_from_zero() {
    let expected = [
        entry("00000000", "0A0B0000FFFF000000000000"),
        entry("01000000", "0A0C0000FFFF000000000000"),
        entry("02000000", "0A0D0000FFFF000000000000"),
    ];
    assert_eq!(entries(KEYLESS), expected);
    assert_eq!(entries(KEYED), expected);
}

#[test]
fn metric_counts_exactly_the_packets_of_its_entry() {
    let (site, daemon) = start(METRIC);
    let name = "coredns_ebpf_example_total";
    site.metric_becomes(name, 0);
    let sender = site.sender();
    for (source, times) in [
        ("10.11.0.1", 3),
        ("10.13.0.1", 250),
        ("10.14.0.1", 5),
        ("10.13.255.9", 7),
    ] {
        sender.send(&packet(source), times);
    }
    site.metric_becomes(name, 257);
    // A packet that is counted twice would raise the count above 258.
    expect_passes(
        &site,
        &[
            ("10.13.0.1", false),
            ("10.11.0.1", false),
            ("10.15.0.1", true),
        ],
    );
    site.metric_becomes(name, 258);
    let page = site.get("/metrics").body;
    let (help, kind) = (
        format!("# HELP {name} Example count."),
        format!("# TYPE {name} gauge"),
    );
    let lines: Vec<&str> = page.lines().filter(|line| line.contains(name)).collect();
    assert_eq!(lines, [&help, &kind, &format!("{name} 258")]);
    daemon.stop();
}

/// The key of a keyless line is the number of lines before it, keyed lines included.
#[test]
fn keyed_and_keyless_entries_can_be_mixed() {
    let (site, daemon) = start(SYNTAX);
    let expected = [
        entry("00000000", "0A0B0000FFFF000000000000"),
        // The later of two lines with the same key wins.
        entry("01000000", "0A0C0000FFFF000000000000"),
        entry("02000000", "0A0E0000FFFF000000000000"),
    ];
    assert_eq!(site.filter().map("xdp_map").entries(), expected);
    site.sender().send(&packet("10.12.0.1"), 4);
    site.metric_becomes("coredns_ebpf_example_total", 4);
    daemon.stop();
}
