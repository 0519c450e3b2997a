//! `corexdp dump` prints the map entries that `bpftool` sees, as Corefile lines that produce the same entries.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::packet;
use support::net::{Daemon, Map, Outcome, Site};

/// Entries of `words.o`: the Corefile line, and the line that `dump` prints if it differs.
const LINES: [(&str, &str); 10] = [
    (
        "entry 7 verdict=VERDICT_DROP net.addr=192.0.2.66 net.prefix=24 ip6=2001:db8::1 slot[0].port=53 slot[2].weight=9",
        "",
    ),
    (
        "entry 3 verdict=VERDICT_PASS ip4=192.0.2.7 mac=02:00:5e:10:20:30 \"label=two one\" on=true tiny=-1 delta=-2 stamp=258 packets=258 grid[1][2]=513 fraction=0x0000803F",
        "",
    ),
    // The compiler stores -1 for this name, and BTF enums have no sign.
    ("entry 4 verdict=VERDICT_ASK", ""),
    ("entry 5 verdict=9 packets=18446744073709551615", ""),
    // A value of zeros only.
    ("entry 6 packets=0", "entry 6 verdict=VERDICT_PASS"),
    (
        "entry @networks 198.51.100.0/24 value=18446744073709551615",
        "",
    ),
    ("entry @networks6 2001:db8::/32 value=1", ""),
    ("entry @per_cpu 3 packets=7 balance=-5 last=0.0.1.2", ""),
    ("entry @pairs 0x0A00000100350000 value[1]=9", ""),
    ("map @typeless 02005E102030 01020304", ""),
];

/// Values that fields cannot express: a bit-field, a `_Bool` of 2, letters after a zero, a brace, padding.
const BYTES: [(usize, &str); 5] = [(54, "05"), (55, "02"), (46, "0041"), (46, "7B"), (9, "01")];

fn corefile(lines: &str) -> String {
    format!(". {{\nprometheus\nebpf {{\nelf words.o\nif edge0\n{lines}}}\n}}\n")
}

fn words() -> Site {
    let site = Site::new();
    site.folder.fixture("words");
    site
}

pub(super) fn dump(site: &Site, words: &[&str]) -> Outcome {
    site.ask(&[&["dump"], words].concat())
}

pub(super) fn as_json(site: &Site) -> Value {
    let outcome = dump(site, &["--json"]);
    outcome.expect(0, &[]);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

/// The entries of a map as `bpftool` shows them, sorted.
fn entries(map: &Map) -> Vec<String> {
    let mut entries = map.dump();
    for entry in &mut entries {
        entry.as_object_mut().unwrap().remove("formatted");
    }
    let mut entries: Vec<_> = entries.iter().map(Value::to_string).collect();
    entries.sort_unstable();
    entries
}

fn all_entries(site: &Site) -> Vec<Vec<String>> {
    let program = site.filter();
    let maps = [
        "xdp_map",
        "networks",
        "networks6",
        "per_cpu",
        "pairs",
        "typeless",
    ];
    maps.map(|name| entries(&program.map(name))).into()
}

/// The lines, sorted, since a hash map has no order.
fn sorted(outcome: &Outcome) -> Vec<&str> {
    let mut lines: Vec<_> = outcome.stdout.lines().collect();
    lines.sort_unstable();
    lines
}

fn start(site: &Site, lines: &str) -> Daemon {
    site.run(&corefile(lines)).attached(1)
}

#[test]
fn dumped_lines_give_the_same_bytes() {
    let site = words();
    let lines = LINES.map(|(line, _)| line).join("\n") + "\n";
    let daemon = start(&site, &lines);
    let (before, outcome) = (all_entries(&site), dump(&site, &[]));
    outcome.expect(0, &[]);
    for (line, printed) in LINES {
        let printed = if printed.is_empty() { line } else { printed };
        assert!(
            outcome.stdout.lines().any(|line| line == printed),
            "{printed} in\n{}",
            outcome.stdout
        );
    }
    for heading in [
        "# edge0 xdp_map hash 5 of 16",
        "# edge0 networks lpm_trie 1 of 16",
        "# edge0 per_cpu percpu_array 4 of 4",
        "# edge0 typeless hash 1 of 16",
    ] {
        assert!(
            outcome.stdout.lines().any(|line| line == heading),
            "{heading} in\n{}",
            outcome.stdout
        );
    }
    daemon.stop();
    let daemon = start(&site, &outcome.stdout);
    assert_eq!(all_entries(&site), before);
    assert_eq!(sorted(&dump(&site, &[])), sorted(&outcome));
    daemon.stop();
}

/// An IPv4 address in a map of IPv6 addresses is printed as an IPv4 address.
#[test]
fn dump_prints_addresses_as_given() {
    let site = Site::new();
    site.folder.shipped("acl");
    let lines = [
        "entry 192.0.2.66/32 action=ACL_DROP",
        "entry 2001:db8::66/128 action=ACL_PASS port=53",
        "entry 192.0.2.0/24 action=ACL_DROP",
    ];
    let block = lines.join("\n");
    let corefile = format!(". {{\nebpf {{\nelf acl.o\nif edge0\n{block}\n}}\n}}\n");
    let daemon = site.run(&corefile).attached(1);
    let outcome = dump(&site, &[]);
    for line in lines {
        assert!(
            outcome.stdout.lines().any(|printed| printed == line),
            "{outcome:?}"
        );
    }
    daemon.stop();
}

#[test]
fn values_that_fields_cannot_express_are_dumped_as_bytes() {
    let site = words();
    let mut lines = String::new();
    for (key, (at, bytes)) in BYTES.iter().enumerate() {
        let (before, after) = ("00".repeat(*at), "00".repeat(112 - at - bytes.len() / 2));
        writeln!(lines, "map {key:02X}000000 {before}{bytes}{after}").unwrap();
    }
    let daemon = start(&site, &lines);
    let outcome = dump(&site, &[]);
    outcome.expect(0, &[]);
    for line in lines.lines() {
        assert!(
            outcome.stdout.lines().any(|printed| printed == line),
            "{line} in\n{}",
            outcome.stdout
        );
    }
    daemon.stop();
}

#[test]
fn dump_matches_bpftool() {
    let site = Site::new();
    site.folder.shipped("ordered");
    let line = "entry 0 family=SUBNET_ANY action=ACL_DROP ip4_net=10.11.0.0 ip4_mask=255.255.0.0";
    let daemon = site
        .run(&format!(". {{\nprometheus\nebpf {{\nelf ordered.o\nif edge0\n{line}\ncounter a 0 packets \"A.\"\n}}\n}}\n"))
        .attached(1);
    site.sender().send(&packet("10.11.0.1"), 3);
    site.metric_becomes("coredns_ebpf_a", 3);
    let map = &as_json(&site)[0];
    let named = ["interface", "map", "type", "capacity"].map(|name| map[name].clone());
    assert_eq!(
        named,
        [json!("edge0"), json!("xdp_map"), json!("array"), json!(128)]
    );
    let all = map["entries"].as_array().unwrap();
    assert_eq!(all.len(), 128);
    let hex = |value: &Value| value.as_str().unwrap().to_owned();
    let filled: Vec<_> = all
        .iter()
        .map(|entry| (hex(&entry["key"]), hex(&entry["value"])))
        .filter(|(_, value)| value.contains(|digit| digit != '0'))
        .collect();
    assert_eq!(filled, site.filter().map("xdp_map").entries());
    let expected = json!({
        "action": "ACL_DROP", "family": all[0]["fields"]["family"], "ip4_net": "10.11.0.0",
        "ip4_mask": "255.255.0.0", "ip6_net": "::", "ip6_mask": "::", "packets": 3
    });
    assert_eq!(
        (&all[0]["fields"], &all[0]["key_word"]),
        (&expected, &json!("0"))
    );
    let text = dump(&site, &[]).stdout;
    assert!(text.contains(&format!("\n{line} packets=3\n")), "{text}");
    daemon.stop();
}

#[test]
fn dump_without_type_access_shows_bytes_and_the_reason() {
    let site = words();
    let daemon = start(&site, "entry 7 packets=7\n");
    let outcome = site.ask_with_less(&["dump"]);
    assert_eq!(outcome.code, Some(0));
    let why = "corexdp: edge0: xdp_map is shown in bytes, since its types cannot be read: ";
    assert!(outcome.stderr.starts_with(why), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("\nmap 07000000 "),
        "{}",
        outcome.stdout
    );
    daemon.stop();
}

#[test]
fn dump_is_empty_without_a_daemon_or_a_filter() {
    let site = Site::new();
    dump(&site, &[]).refuses(69, &["no daemon listens at control"]);
    let daemon = site.run(". {\nprometheus\n}\n");
    daemon.line("page: ");
    dump(&site, &[]).expect(0, &[]);
    assert_eq!(dump(&site, &["--json"]).stdout, "[]\n");
    assert_eq!(dump(&site, &[]).stdout, "");
    daemon.stop();
}

/// A map of 100,000 entries, of which the client and not the daemon makes the lines.
#[test]
fn large_maps_are_read_in_batches() {
    let site = Site::new();
    site.folder.fixture("big");
    let mut lines = String::new();
    for number in 0..100_000_u32 {
        let [a, b, c, d] = number.to_be_bytes();
        writeln!(
            lines,
            "map {:02X}{b:02X}{c:02X}{d:02X} 0100000000000000",
            a + 10
        )
        .unwrap();
    }
    let daemon = site
        .run(&format!(
            ". {{\nprometheus\nebpf {{\nelf big.o\nif edge0\n{lines}}}\n}}\n"
        ))
        .attached(1);
    let text = dump(&site, &[]).stdout;
    assert_eq!(text.lines().count(), 100_001);
    daemon.stop();
}
