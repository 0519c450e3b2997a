//! Entries and metrics in words: they give the same map content as hexadecimal entries, and the same numbers.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use support::net::{Map, Site};

/// Entries of `words.o`: the map, then key and value in words, then key and value in bytes.
const ENTRIES: [(&str, &str, &str, &str, &str); 8] = [
    (
        "",
        "7",
        "verdict=VERDICT_DROP net.addr=192.0.2.66 net.prefix=24 ip6=2001:db8::1 slot[0].port=53 slot[2].weight=9",
        "07000000",
        "07000000.C0000242.18000000.20010DB8000000000000000000000001.00350000.00000000.00000900.000000000000.0000000000000000.0000.0000.0000.00000000.0000000000000000.0000000000000000.000000000000000000000000.00000000.0000000000000000.0000000000000000",
    ),
    (
        "",
        "192.0.2.1",
        "mac=02:00:5e:10:20:30 label=resolver on=true tiny=-1 delta=-2 stamp=258 packets=0x102 grid[1][2]=513 fraction=0x0000803F",
        "C0000201",
        "00000000.00000000.00000000.00000000000000000000000000000000.00000000.00000000.00000000.02005E102030.7265736F6C766572.0001.FF00.FEFF.00000000.0000000000000102.0201000000000000.0000000000000000.0000.0102.00000000.0000000000000000.0000803F.00000000",
    ),
    (
        "@networks",
        "198.51.100.0/24",
        "value=18446744073709551615",
        "18000000C6336400",
        "FFFFFFFFFFFFFFFF",
    ),
    (
        "@networks6",
        "2001:db8::/32",
        "value=1",
        "2000000020010DB8000000000000000000000000",
        "01000000",
    ),
    (
        "@networks6",
        "2001:db8::53",
        "value=10.0.0.1",
        "8000000020010DB8000000000000000000000053",
        "0A000001",
    ),
    (
        "@per_cpu",
        "3",
        "packets=7 balance=-5 last=258",
        "03000000",
        "0700000000000000.00000000.FBFFFFFF.00000102.00000000",
    ),
    (
        "@pairs",
        "0x0A00000100350000",
        "value[1]=9",
        "0A00000100350000",
        "00000000.09000000",
    ),
    (
        "@pairs",
        "0x0A00000200350000",
        "value=0x0102030405060708",
        "0A00000200350000",
        "0102030405060708",
    ),
];

const MAPS: [&str; 5] = ["xdp_map", "networks", "networks6", "per_cpu", "pairs"];

pub(crate) fn corefile(lines: &str) -> String {
    format!(". {{\nprometheus\nebpf {{\nelf words.o\nif edge0\n{lines}}}\n}}\n")
}

/// Corefile lines that set each entry, in words or in bytes.
fn lines(words: bool) -> String {
    let mut text = String::new();
    for (map, key, value, bytes_key, bytes) in ENTRIES {
        let (directive, key, value) = if words {
            ("entry", key, value)
        } else {
            ("map", bytes_key, bytes)
        };
        writeln!(text, "{directive} {map} {key} {value}").unwrap();
    }
    text
}

/// All entries of all maps as bpftool shows them, with all values of per-CPU maps.
pub(crate) fn dump(site: &Site) -> Vec<String> {
    let program = site.filter();
    let raw = |map: Map| {
        let mut entries = map.dump();
        for entry in &mut entries {
            // bpftool formats only the entries of maps with BTF.
            entry.as_object_mut().unwrap().remove("formatted");
        }
        let mut entries: Vec<_> = entries.iter().map(ToString::to_string).collect();
        entries.sort_unstable();
        entries
    };
    let maps = MAPS.iter().flat_map(|name| raw(program.map(name)));
    maps.collect()
}

#[test]
fn words_and_bytes_give_the_same_entries() {
    let site = Site::new();
    site.folder.fixture("words");
    let mut dumps = Vec::new();
    for words in [true, false] {
        let daemon = site.run(&corefile(&lines(words))).attached(1);
        dumps.push(dump(&site));
        daemon.stop();
    }
    assert_eq!(dumps[0], dumps[1]);
    // Two each in `xdp_map` and the tries, four of the array, two pairs.
    assert_eq!(dumps[0].len(), 2 + 1 + 2 + 4 + 2);
}

#[test]
fn metrics_show_fields() {
    let site = Site::new();
    site.folder.fixture("words");
    let metrics = [
        ("counter", "packets", "@per_cpu 3 packets", 7, true),
        ("gauge", "balance", "@per_cpu 3 balance", -5, true),
        ("gauge", "last", "@per_cpu 0x03000000 last", 258, true),
        ("gauge", "verdict", "7 verdict", 7, false),
        ("gauge", "port", "7 slot[0].port", 53, false),
        ("gauge", "on", "192.0.2.1 on", 1, false),
        ("gauge", "tiny", "192.0.2.1 tiny", -1, false),
        ("gauge", "delta", "192.0.2.1 delta", -2, false),
        ("counter", "stamp", "192.0.2.1 stamp", 258, false),
        ("gauge", "cell", "192.0.2.1 grid[1][2]", 513, false),
        ("gauge", "six", "@networks6 2001:db8::/32 value", 1, false),
        (
            "gauge",
            "pair",
            "@pairs 0x0A00000100350000 value[1]",
            9,
            false,
        ),
        ("gauge", "nobody", "99 packets", 0, false),
    ];
    let mut text = lines(true);
    for (kind, name, place, ..) in metrics {
        writeln!(text, "{kind} {name} {place} \"Of {place}.\"").unwrap();
    }
    let daemon = site.run(&corefile(&text)).attached(1);
    let page = site.get("/metrics");
    let cpus = i64::from(possible_cpus());
    for (kind, name, _, value, per_cpu) in metrics {
        let name = format!("coredns_ebpf_{name}");
        let value = if per_cpu { value * cpus } else { value };
        assert_eq!(
            page.metric(&name),
            Some(value.to_string().as_str()),
            "{name}"
        );
        let head = format!("# TYPE {name} {kind}\n");
        assert!(page.body.contains(&head), "{head}{}", page.body);
    }
    for (map, entries, room) in [
        ("xdp_map", 2, 16),
        ("networks", 1, 16),
        ("networks6", 2, 16),
        ("per_cpu", 4, 4),
        ("pairs", 2, 2),
    ] {
        for (name, value) in [
            ("corexdp_map_entries", entries),
            ("corexdp_map_capacity", room),
        ] {
            let sample = format!("{name}{{interface=\"edge0\",map=\"{map}\"}}");
            let value = value.to_string();
            assert_eq!(page.metric(&sample), Some(value.as_str()), "{sample}");
        }
    }
    daemon.stop();
}

/// The number of possible CPUs, which is the number of values in a per-CPU map.
pub(crate) fn possible_cpus() -> u32 {
    let list = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap();
    let highest = list.trim().rsplit(['-', ',']).next().unwrap();
    highest.parse::<u32>().unwrap() + 1
}

/// The rules of the shipped Corefile as `map` lines of `CoreDNS`'s plugin.
const PLUGIN_RULES: &str = "
    map 00000002.C6336407.FFFFFFFF.00000000000000000000000000000000.00000000000000000000000000000000.00000000
    map 00000001.C6336400.FFFFFF00.00000000000000000000000000000000.00000000000000000000000000000000.00000000
    map 00000002.00000000.00000000.FE800000000000000000000000000000.FFC00000000000000000000000000000.00000000
    map 00000002.00000000.00000000.00000000000000000000000000000000.FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF.00000000
    map 00000001.00000000.00000000.20010DB80BAD00000000000000000000.FFFFFFFFFFFF00000000000000000000.00000000
";

#[test]
fn shipped_rules_are_equal_in_words_and_bytes() {
    let site = Site::new();
    site.folder.shipped("ordered");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpf/ordered.Corefile");
    let in_words = fs::read_to_string(shipped)
        .unwrap()
        .replace("if eth0", "if edge0");
    let is_rule = |line: &&str| line.trim_start().starts_with("entry ");
    assert_eq!(in_words.lines().filter(is_rule).count(), 5);
    let others: Vec<_> = in_words.lines().filter(|line| !is_rule(line)).collect();
    let others = others.join("\n");
    let in_bytes = others.replace("if edge0\n", &format!("if edge0\n{PLUGIN_RULES}"));
    let entries = [&in_words, &in_bytes].map(|corefile| {
        let daemon = site.run(corefile).attached(1);
        let mut entries = site.filter().map("xdp_map").entries();
        daemon.stop();
        for (_, rule) in &mut entries {
            // `packets` comes last in a rule. The kernel's own packets may have been counted already.
            rule.truncate(rule.len() - 8);
        }
        entries
    });
    assert_eq!(entries[0].len(), 5);
    assert_eq!(entries[0], entries[1]);
}

/// `debug` logs changes of every map, with the name of the map.
#[test]
fn changes_of_every_map_are_logged() {
    let site = Site::new();
    site.folder.fixture("words");
    let text = corefile(&lines(true)).replace("prometheus", "debug");
    let daemon = site.run(&text).attached(1);
    let program = site.filter();
    program
        .map("pairs")
        .update("0a 00 00 01 00 35 00 00", "01 02 03 04 05 06 07 08");
    daemon.line("map pairs: key=0A00000100350000 value=0102030405060708");
    program
        .map("networks")
        .update("08 00 00 00 0a 00 00 00", "00 00 00 00 00 00 00 01");
    daemon.line("map networks: key=080000000A000000 value=0000000000000001");
    daemon.stop();
}

/// A reload keeps the running program if its Corefile means the same, or only an entry has changed.
#[test]
fn reload_keeps_the_program_when_entries_change() {
    let site = Site::new();
    site.folder.fixture("words");
    let daemon = site.run(&corefile(&lines(true))).attached(1);
    let before = site.filter().id;
    let reload = |text: &str| {
        site.folder.write("Corefile", &corefile(text));
        site.ask(&["reload"]).expect(0, &[]);
    };
    let same = format!(
        "{}gauge packets @per_cpu 3 packets \"Packets.\"\n",
        lines(true)
    );
    reload(&same);
    assert_eq!(site.filter().id, before);
    site.metric_becomes("coredns_ebpf_packets", 7 * u64::from(possible_cpus()));
    reload(&same.replace("packets=7", "packets=8"));
    assert_eq!(site.filter().id, before);
    site.metric_becomes("coredns_ebpf_packets", 8 * u64::from(possible_cpus()));
    daemon.stop();
}
