//! Runs the shipped programs in the kernel by `BPF_PROG_TEST_RUN`: frames in,
//! verdicts and counters out. Needs root, bpftool and the objects that
//! `make build` puts into `target/bpf/`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod acl;
mod answers;
mod cookies;
mod count;
mod dns;
mod dns_rate;
mod guard;
mod handshakes;
mod hidden;
mod limit;
mod limit_model;
mod links;
mod models;
mod ordered;
mod ordered_plugin;
mod qname;
mod random;
mod replies;
mod response_counts;
mod responses;
mod scope;
mod sources;
mod subnet;
mod unparsed;
mod zones;

use std::fs;
use std::path::Path;

use corexdp::encode::Encoder;
use corexdp::object;
use support::packets::frame::{ICMPV6, ip4, ip6};
use support::packets::sandbox::{DROP, PASS, Sandbox};
use support::shipped_programs;

/// Map values and metrics of a shipped Corefile.
struct Example {
    values: Vec<Vec<u8>>,
    metrics: Vec<Metric>,
}

struct Metric {
    name: String,
    key: u32,
    position: usize,
    length: usize,
}

impl Example {
    fn read(name: &str) -> Example {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("bpf/{name}.Corefile"));
        let text = fs::read_to_string(path).unwrap();
        let mut example = Example {
            values: Vec::new(),
            metrics: Vec::new(),
        };
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["map", value] => example.values.push(decode(value)),
                ["entry", _, ref fields @ ..] => example.values.push(encode(name, fields)),
                ["metric", name, key, position, length, ..] => example.metrics.push(Metric {
                    name: name.to_owned(),
                    key: u32::from_le_bytes(decode(key).try_into().unwrap()),
                    position: position.parse().unwrap(),
                    length: length.parse().unwrap(),
                }),
                ["counter", name, key, field, ..] => example.metrics.push(Metric {
                    name: name.to_owned(),
                    key: key.parse().unwrap(),
                    position: if field == "bytes" { 8 } else { 0 },
                    length: 8,
                }),
                ["elf", object] => assert_eq!(object, format!("{name}.o")),
                _ => {}
            }
        }
        example
    }

    /// Loads the program and the map values of the Corefile.
    fn load(&self, name: &str) -> Sandbox {
        let mut sandbox = Sandbox::load(name);
        for (key, value) in (0..).zip(&self.values) {
            sandbox.fill(key, value);
        }
        sandbox
    }

    /// Name and value of each metric that is not zero.
    fn readings(&self, sandbox: &mut Sandbox) -> Vec<(&str, u64)> {
        let mut readings = Vec::new();
        for metric in &self.metrics {
            let value = sandbox.value(metric.key);
            let bytes = &value[metric.position..metric.position + metric.length];
            let reading = bytes
                .iter()
                .rfold(0, |sum, byte| sum << 8 | u64::from(*byte));
            if reading != 0 {
                readings.push((metric.name.as_str(), reading));
            }
        }
        readings
    }
}

/// The value of an `entry` line for the map `xdp_map` of a shipped program.
fn encode(name: &str, fields: &[&str]) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/bpf/{name}.o"));
    let object = object::link(&fs::read(path).unwrap(), "xdp_prog").unwrap();
    let mut value = vec![0; 256];
    let mut encoder = Encoder::new(object.map("xdp_map").unwrap(), object.btf());
    let size = encoder.value(fields.iter().copied(), &mut value).unwrap();
    value.truncate(size);
    value
}

fn decode(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|digit| *digit != '.').collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap())
        .collect()
}

#[test]
fn count_corefile_names_the_right_counters() {
    let example = Example::read("count");
    for (frame, readings) in [
        (
            ip4("192.0.2.1").udp(53),
            &[
                ("ip4_udp_packets_total", 1),
                ("ip4_udp_bytes_total", 42),
                ("dns_udp_packets_total", 1),
            ][..],
        ),
        (
            ip6("2001:db8::1").tcp(53),
            &[
                ("ip6_tcp_packets_total", 1),
                ("ip6_tcp_bytes_total", 74),
                ("dns_tcp_packets_total", 1),
            ],
        ),
        (
            ip6("2001:db8::1").carrying(ICMPV6, &[135; 24]),
            &[("ip6_icmp_packets_total", 1)],
        ),
    ] {
        let mut sandbox = example.load("count");
        assert_eq!(sandbox.verdict(&frame.bytes), PASS);
        assert_eq!(example.readings(&mut sandbox), readings);
    }
}

/// Operators who copy a Corefile must see what the program would drop before it drops.
#[test]
fn shipped_corefiles_begin_with_a_dry_run() {
    for name in shipped_programs() {
        let path = format!("{}/bpf/{name}.Corefile", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let settings = lines
            .iter()
            .find(|line| line.starts_with("entry @settings"));
        let is_dry = settings.is_some_and(|line| line.ends_with("monitor=true"));
        // `count` and `ordered` have no settings.
        assert_eq!(is_dry, name != "count" && name != "ordered", "{name}");
        for line in lines.iter().filter(|line| line.starts_with("counter ")) {
            let metric = line.split_whitespace().nth(1).unwrap();
            assert!(metric.ends_with("_total"), "{name}: {metric}");
        }
    }
}

#[test]
fn ordered_corefile_filters_as_documented() {
    let example = Example::read("ordered");
    let mut sandbox = example.load("ordered");
    for (source, verdict) in [
        ("198.51.100.7", PASS),
        ("198.51.100.8", DROP),
        ("198.51.101.7", PASS),
        ("203.0.113.1", PASS),
    ] {
        assert_eq!(
            sandbox.verdict(&ip4(source).udp(53).bytes),
            verdict,
            "{source}"
        );
    }
    for (source, verdict) in [
        ("fe80::1", PASS),
        ("::", PASS),
        ("2001:db8:bad:ffff::1", DROP),
        ("2001:db8:bad::", DROP),
        ("2001:db8:bae::1", PASS),
    ] {
        assert_eq!(
            sandbox.verdict(&ip6(source).udp(53).bytes),
            verdict,
            "{source}"
        );
    }
    assert_eq!(
        example.readings(&mut sandbox),
        [
            ("ordered_trusted_packets", 1),
            ("ordered_ip4_dropped_packets", 1),
            ("ordered_ip6_dropped_packets", 2)
        ]
    );
}

/// BTF has the field names that `entry` and `counter` lines use.
#[test]
fn bpftool_shows_field_names() {
    for (name, words) in [
        ("count", &["\"packets\":", "\"bytes\":"][..]),
        (
            "ordered",
            &[
                "\"action\":\"ACL_DROP\"",
                "\"family\":\"SUBNET_ANY\"",
                "\"ip4_net\":",
                "\"ip4_mask\":",
                "\"ip6_net\":",
                "\"ip6_mask\":",
                "\"packets\":",
            ],
        ),
    ] {
        let dump = Example::read(name).load(name).dump();
        for word in words {
            assert!(dump.contains(word), "{word} in {dump}");
        }
    }
}
