//! Reloads that change entries of the maps of a running filter.

use crate::packet;
use crate::words::{corefile, dump};
use support::net::{Daemon, Outcome, Site};

/// Entries before and after a reload, for each type of map. The maps must be the same as after a start with the second
/// entries.
const CHANGES: [(&str, &str, &str); 9] = [
    ("nothing", "entry 1 packets=1", "entry 1 packets=1"),
    (
        "added, changed and deleted",
        "entry 1 packets=1\nentry 2 packets=2\nentry 3 packets=3",
        "entry 2 packets=2\nentry 3 packets=4\nentry 4 packets=4",
    ),
    (
        "in other words, in another order",
        "entry 1 mac=02:00:5e:10:20:30\nentry 2 packets=2",
        "entry 2 packets=0x0200000000000000\nentry 1 mac=02:00:5E:10:20:30",
    ),
    (
        "the last of several lines for a key counts",
        "entry 1 packets=1\nentry 1 packets=2\nentry 2 packets=2",
        "entry 1 packets=2\nentry 1 packets=1\nentry 2 packets=3\nentry 2 packets=2",
    ),
    (
        "prefixes within prefixes",
        "entry @networks 10.0.0.0/8 value=8\nentry @networks 10.1.0.0/16 value=16",
        "entry @networks 10.1.0.0/16 value=17\nentry @networks 10.1.1.0/24 value=24\nentry @networks 0.0.0.0/0 value=1",
    ),
    (
        "each CPU's value",
        "entry @per_cpu 1 packets=1\nentry @per_cpu 2 packets=2",
        "entry @per_cpu 2 packets=3\nentry @per_cpu 3 packets=2",
    ),
    (
        "another map",
        "entry @networks6 ::/0 value=1\nentry 1 packets=1",
        "entry @networks 0.0.0.0/0 value=1\nentry 1 packets=1",
    ),
    (
        "all entries",
        "entry 1 packets=1\nentry @networks6 ::/0 value=1\nentry @per_cpu 1 packets=1",
        "gauge one 1 packets \"Not there.\"",
    ),
    (
        "a full map",
        "entry @pairs 0x0A00000100350000 value[0]=1\nentry @pairs 0x0A00000200350000 value[0]=2",
        "entry @pairs 0x0A00000300350000 value[0]=3\nentry @pairs 0x0A00000200350000 value[0]=2",
    ),
];

fn reload(site: &Site, corefile: &str) -> Outcome {
    site.folder.write("Corefile", corefile);
    site.ask(&["reload"])
}

fn reloads(site: &Site, corefile: &str) {
    reload(site, corefile).expect(0, &[]);
}

#[test]
fn reload_gives_the_entries_of_a_start() {
    let site = Site::new();
    site.folder.fixture("words");
    for (what, old, new) in CHANGES {
        let (old, new) = (corefile(&format!("{old}\n")), corefile(&format!("{new}\n")));
        let daemon = site.run(&old).attached(1);
        let before = site.filter();
        reloads(&site, &new);
        let changed = dump(&site);
        // A full map has no room for both versions, so it is replaced with its program.
        assert_eq!(site.filter() == before, what != "a full map", "{what}");
        daemon.stop();
        let daemon = site.run(&new).attached(1);
        assert_eq!(changed, dump(&site), "{what}");
        daemon.stop();
    }
}

/// A Corefile that drops and counts packets from these networks.
fn dropping(networks: &[u8]) -> String {
    let line =
        |text: String, network: &u8| text + &format!("map 0A{network:02X}0000.FFFF0000.00000000\n");
    let metrics = (0..networks.len()).fold(String::new(), |text, place| {
        text + &format!("metric at_{place} 0{place}000000 8 4 \"Dropped.\"\n")
    });
    let lines = networks.iter().fold(String::new(), line);
    format!(". {{\nprometheus\nebpf {{\nelf example.o\nif edge0\n{lines}{metrics}}}\n}}\n")
}

fn start(site: &Site, networks: &[u8]) -> Daemon {
    site.run(&dropping(networks)).attached(1)
}

#[test]
fn reload_keeps_counters() {
    let site = Site::new();
    let daemon = start(&site, &[11, 12, 13]);
    let sender = site.sender();
    for (network, count) in [(11, 1), (12, 2), (13, 3)] {
        sender.send(&packet(&format!("10.{network}.0.1")), count);
    }
    site.metric_becomes("coredns_ebpf_at_2", 3);
    reloads(&site, &dropping(&[11, 14, 13, 15]));
    for (place, count) in [(0, 1), (1, 0), (2, 3), (3, 0)] {
        site.metric_becomes(&format!("coredns_ebpf_at_{place}"), count);
    }
    for network in [11, 13, 14, 15] {
        sender.send(&packet(&format!("10.{network}.0.1")), 1);
    }
    for (place, count) in [(0, 2), (1, 1), (2, 4), (3, 1)] {
        site.metric_becomes(&format!("coredns_ebpf_at_{place}"), count);
    }
    daemon.stop();
}

/// The program may add its own entries; a reload deletes none of them.
#[test]
fn reload_keeps_entries_of_the_program() {
    let site = Site::new();
    site.folder.fixture("hash");
    let with = |entries: &str| {
        format!(
            ". {{\nprometheus\nebpf {{\nelf hash.o\nif edge0\n{entries}gauge seen 10.11.0.1 packets \"Seen.\"\n}}\n}}\n"
        )
    };
    let daemon = site.run(&with("entry 10.12.0.1 packets=5\n")).attached(1);
    site.sender().send(&packet("10.11.0.1"), 3);
    site.metric_becomes("coredns_ebpf_seen", 3);
    reloads(&site, &with("entry 10.13.0.1 packets=5\n"));
    site.metric_becomes("coredns_ebpf_seen", 3);
    daemon.stop();
}

/// The kernel rejects the last of three changed entries; the others get their old values and counters back.
#[cfg(feature = "faults")]
#[test]
fn refused_entry_rolls_back_the_reload() {
    let site = Site::new();
    site.folder.write("Corefile", &dropping(&[11, 12, 13, 14]));
    let mut command = site.command("run", &[]);
    command.env("COREXDP_FAULT", "map_update:ENOMEM:3");
    let daemon = site
        .server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1);
    site.sender().send(&packet("10.12.0.1"), 2);
    site.metric_becomes("coredns_ebpf_at_1", 2);
    let before = site.filter().map("xdp_map").entries();
    // Changed entries are written from the last to the first, so the rejected entry is that of line 7.
    reload(&site, &dropping(&[11, 22, 23, 24])).refuses(
        71,
        &["Corefile:7: map: no memory for this entry of xdp_map"],
    );
    assert_eq!(site.filter().map("xdp_map").entries(), before);
    reloads(&site, &dropping(&[11, 22, 23, 24]));
    site.metric_becomes("coredns_ebpf_at_1", 0);
    daemon.stop();
}

/// Two entries in bytes may be the same network, since an LPM trie ignores host bits.
#[test]
fn host_bits_are_ignored_in_a_trie() {
    let site = Site::new();
    site.folder.fixture("words");
    for (old, new) in [
        (
            "18000000C0000201 0100000000000000",
            "18000000C0000200 0100000000000000",
        ),
        (
            "18000000C0000200 0100000000000000",
            "18000000C00002FF 0200000000000000",
        ),
        (
            "18000000C0000201 0100000000000000",
            "19000000C0000201 0100000000000000",
        ),
        (
            "18000000C0000201 0100000000000000\nmap @networks 18000000C0000202 0200000000000000",
            "18000000C0000203 0300000000000000",
        ),
    ] {
        let with = |line: &str| corefile(&format!("map @networks {line}\n"));
        let daemon = site.run(&with(old)).attached(1);
        reloads(&site, &with(new));
        let changed = dump(&site);
        daemon.stop();
        let daemon = site.run(&with(new)).attached(1);
        assert_eq!(changed, dump(&site), "{old} to {new}");
        assert_eq!(site.filter().map("networks").count(), 1, "{new}");
        daemon.stop();
    }
}

/// Another program may write host bits into an entry of the Corefile; a reload deletes the entry nevertheless.
#[test]
fn reload_deletes_a_network_with_host_bits() {
    let site = Site::new();
    site.folder.fixture("words");
    let daemon = site
        .run(&corefile("entry @networks 192.0.2.0/24 value=1\n"))
        .attached(1);
    let networks = site.filter().map("networks");
    networks.update("18 00 00 00 c0 00 02 07", "02 00 00 00 00 00 00 00");
    reloads(&site, &corefile("entry 1 packets=1\n"));
    assert_eq!(networks.count(), 0);
    daemon.stop();
}

/// A Corefile for `lru.o` with these entries in both maps.
fn recent(keys: std::ops::RangeInclusive<u32>) -> String {
    let lines = keys.fold(String::new(), |text, key| {
        text + &format!("entry {key} value=1\nentry @per_cpu {key} value=1\n")
    });
    format!(". {{\nebpf {{\nelf lru.o\nif edge0\n{lines}}}\n}}\n")
}

/// The kernel evicts entries of an LRU map; each reload writes them again, whether or not the Corefile has changed.
#[test]
fn reload_restores_evicted_entries() {
    let site = Site::new();
    site.folder.fixture("lru");
    let daemon = site.run(&recent(1..=8)).attached(1);
    let before = site.filter();
    let maps = ["xdp_map", "per_cpu"].map(|name| before.map(name));
    for last in [8, 9, 7] {
        for map in &maps {
            map.delete("03 00 00 00");
        }
        reloads(&site, &recent(1..=last));
        for map in &maps {
            assert_eq!(map.count(), last as usize);
        }
    }
    assert_eq!(site.filter(), before);
    let lines = daemon.stop();
    assert!(
        !lines.iter().any(|line| line.contains("evicts")),
        "{lines:#?}"
    );
}

/// A start and a reload log the number of entries that an LRU map lacks.
#[test]
fn missing_lru_entries_are_logged() {
    let site = Site::new();
    site.folder.fixture("lru");
    let daemon = site.run(&recent(1..=1000)).attached(1);
    for reload in 0..2 {
        if reload > 0 {
            reloads(&site, &recent(1..=1000));
        }
        for name in ["xdp_map", "per_cpu"] {
            let count = site.filter().map(name).count();
            let part = format!("warning: edge0: {name} has only {count} of 1000 entries: ");
            assert_eq!(daemon.lines_with(&part).is_empty(), count == 1000, "{part}");
        }
    }
    daemon.stop();
}
