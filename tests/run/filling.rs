//! The entries of a map before the first packet.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::packet;
use support::net::{Site, peak_memory};

const MIB: u64 = 1024 * 1024;

/// The length of a national block list: 100,000 addresses in 3 MB of Corefile.
const ENTRIES: u32 = 100_000;

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + number)
}

fn key(number: u32) -> String {
    format!("{:08X}", u32::from(address(number)))
}

/// A Corefile in which each entry's counter starts at the entry's number, so that a misplaced entry shows.
fn long_list() -> String {
    let mut text = ". {\nprometheus\nebpf {\nelf big.o\nif edge0\n".to_owned();
    for number in 0..ENTRIES {
        // The program counts in little-endian order.
        let value = u64::from(number).swap_bytes();
        writeln!(text, "map {} {value:016X}", key(number)).unwrap();
    }
    for (name, number) in [
        ("first", 0),
        ("middle", 54_321),
        ("last", ENTRIES - 1),
        ("none", ENTRIES),
    ] {
        writeln!(text, "metric {name} {} 0 8 \"Packets.\"", key(number)).unwrap();
    }
    text + "}\n}\n"
}

#[test]
fn hundred_thousand_entries_are_filled() {
    let site = Site::new();
    site.folder.fixture("big");
    let daemon = site.run(&long_list()).attached(1);
    assert_eq!(site.filter().map("xdp_map").count(), 100_000);
    for (name, value) in [
        ("first", 0),
        ("middle", 54_321),
        ("last", 99_999),
        ("none", 0),
    ] {
        site.metric_becomes(&format!("coredns_ebpf_{name}"), value);
    }
    let sender = site.sender();
    for (number, times) in [(0, 1), (54_321, 2), (ENTRIES - 1, 3), (ENTRIES, 4)] {
        sender.send(&packet(&address(number).to_string()), times);
    }
    for (name, value) in [
        ("first", 1),
        ("middle", 54_323),
        ("last", 100_002),
        ("none", 0),
    ] {
        site.metric_becomes(&format!("coredns_ebpf_{name}"), value);
    }
    let (own, workers) = (peak_memory(daemon.pid()), peak_memory(daemon.worker()));
    println!("peak memory with {ENTRIES} entries: daemon {own} bytes, worker {workers} bytes");
    assert!(
        own + workers < 32 * MIB,
        "more than half of 64 MiB: {own} and {workers}"
    );
    daemon.stop();
}

/// The map is created with BTF, so other tools show its entries by field names.
#[test]
fn map_has_the_types_of_its_fields() {
    let site = Site::new();
    site.folder.shipped("ordered");
    let (net6, mask6) = (
        "20010DB8000100000000000000000000",
        "FFFFFFFFFFFF00000000000000000000",
    );
    let rule = format!("06000001.00000000.00000000.{net6}.{mask6}.07000000");
    let daemon = site
        .run(&format!(
            ". {{\n  ebpf {{\n    elf ordered.o\n    if edge0\n    map {rule}\n  }}\n}}\n"
        ))
        .attached(1);
    let map = site.filter().map("xdp_map");
    let entry = &map.dump()[0]["formatted"];
    assert_eq!(entry["key"], 0);
    let value = entry["value"]
        .as_object()
        .unwrap_or_else(|| panic!("{entry}"));
    let mut fields: Vec<&str> = value.keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "action", "family", "ip4_mask", "ip4_net", "ip6_mask", "ip6_net", "packets"
        ]
    );
    assert_eq!(value["action"], "ACL_DROP");
    assert_eq!(value["family"], "SUBNET_IPV6");
    assert_eq!(value["packets"], 7);
    let shape = (
        &map.shape["type"],
        &map.shape["bytes_key"],
        &map.shape["bytes_value"],
        &map.shape["max_entries"],
    );
    assert_eq!(
        (
            shape.0.as_str(),
            shape.1.as_u64(),
            shape.2.as_u64(),
            shape.3.as_u64()
        ),
        (Some("array"), Some(4), Some(48), Some(128))
    );
    daemon.stop();
}
