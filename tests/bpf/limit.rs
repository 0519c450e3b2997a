//! `limit`: rate and burst of a subnet and of each source.

use std::thread::sleep;
use std::time::{Duration, Instant};

use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::sandbox::{DROP, PASS};

fn totals(filter: &Filter) -> [u64; 5] {
    ["passed", "dropped", "unlisted", "management", "other"]
        .map(|name| filter.number(&format!("@totals 0 {name}")))
}

/// Sends the frame `times` times, and returns the number of frames that pass.
fn passes(filter: &Filter, frame: &[u8], times: u32) -> u32 {
    (0..times)
        .map(|_| u32::from(filter.verdict(frame) == PASS))
        .sum()
}

#[test]
fn exactly_one_burst_passes() {
    for (rule, source, admitted) in [
        ("10.0.0.0/8 rate=1 burst=20", "10.1.1.1", 20),
        ("10.0.0.0/8 rate=1", "10.1.1.1", 1),
        ("10.0.0.0/8 source_rate=1 source_burst=7", "10.1.1.1", 7),
        (
            "10.0.0.0/8 rate=1 burst=20 source_rate=1 source_burst=7",
            "10.1.1.1",
            7,
        ),
        (
            "10.0.0.0/8 rate=1 burst=5 source_rate=1 source_burst=7",
            "10.1.1.1",
            5,
        ),
        ("10.0.0.0/8", "10.1.1.1", 50),
        ("10.0.0.0/8 rate=4294967295", "10.1.1.1", 50),
        ("10.0.0.0/8 rate=1 burst=4294967295", "10.1.1.1", 50),
        ("11.0.0.0/8 rate=1", "10.1.1.1", 50),
        ("0.0.0.0/0 rate=1 burst=3", "10.1.1.1", 3),
        ("::/0 rate=1 burst=3", "10.1.1.1", 3),
    ] {
        let frame = ip4(source).udp(53).bytes;
        let passed = Filter::before_a_token("limit", &[rule], |filter| passes(filter, &frame, 50));
        assert_eq!(passed, admitted, "{rule}");
    }
}

/// Rules with the addresses of two packets, and whether both are of one source.
const SOURCES: &[(&str, &str, &str, bool)] = &[
    ("::/0 source_rate=1", "10.1.1.1", "10.1.1.200", true),
    ("::/0 source_rate=1", "10.1.1.1", "10.1.2.1", false),
    (
        "::/0 source_rate=1 ip4_bits=32",
        "10.1.1.1",
        "10.1.1.2",
        false,
    ),
    (
        "::/0 source_rate=1 ip4_bits=8",
        "10.1.1.1",
        "10.200.1.2",
        true,
    ),
    (
        "::/0 source_rate=1",
        "2001:db8:1:1ff::1",
        "2001:db8:1:101::",
        true,
    ),
    (
        "::/0 source_rate=1",
        "2001:db8:1:1ff::1",
        "2001:db8:1:2ff::1",
        false,
    ),
    (
        "::/0 source_rate=1 ip6_bits=64",
        "2001:db8:1:1ff::1",
        "2001:db8:1:1fe::1",
        false,
    ),
    (
        "::/0 source_rate=1 ip6_bits=128",
        "2001:db8::1",
        "2001:db8::2",
        false,
    ),
    (
        "::/0 source_rate=1 ip6_bits=32",
        "2001:db8::1",
        "2001:db8:ffff::2",
        true,
    ),
];

#[test]
fn rule_prefix_lengths_define_a_source() {
    for &(rule, first, second, is_same) in SOURCES {
        let from = |address: &str| {
            let packet = if address.contains(':') { ip6 } else { ip4 };
            packet(address).udp(53).bytes
        };
        let (first, second) = (from(first), from(second));
        let verdicts = Filter::before_a_token("limit", &[rule], |filter| {
            [&first, &second].map(|frame| filter.verdict(frame))
        });
        let expected = if is_same { DROP } else { PASS };
        assert_eq!(verdicts, [PASS, expected], "{rule}: {second:02x?}");
    }
}

#[test]
fn source_over_its_limit_takes_no_tokens_of_its_subnet() {
    let rule = "10.0.0.0/8 rate=1 burst=10 source_rate=1 source_burst=4";
    let (passed, counted, totals) = Filter::before_a_token("limit", &[rule], |filter| {
        let passed = ["10.0.0.1", "10.0.1.1", "10.0.2.1"]
            .map(|source| passes(filter, &ip4(source).udp(53).bytes, 100));
        let counted = ["passed", "dropped", "source_dropped"]
            .map(|field| filter.number(&format!("10.0.0.0/8 {field}")));
        (passed, counted, totals(filter))
    });
    assert_eq!(passed, [4, 4, 2]);
    assert_eq!(counted, [10, 98, 192]);
    assert_eq!(totals, [10, 290, 0, 0, 0]);
}

#[test]
fn bucket_refills_at_its_rate_up_to_the_burst() {
    let filter = Filter::load("limit", &["10.0.0.0/8 rate=20 burst=5"]);
    let frame = ip4("10.0.0.1").udp(53).bytes;
    filter.admits(&frame, 20, 5);
    // 125 ms give 2.5 tokens; a busy machine may sleep longer.
    sleep(Duration::from_millis(125));
    assert!((2..=5).contains(&passes(&filter, &frame, 5)));
    sleep(Duration::from_millis(1500));
    filter.admits(&frame, 20, 5);
}

/// `bucket.full=1` is a bucket that has been full since boot.
#[test]
fn idle_bucket_holds_one_burst() {
    let frame = ip4("10.0.0.1").udp(53).bytes;
    let line = "10.0.0.0/8 rate=1 burst=5 bucket.full=1";
    let passed = Filter::before_a_token("limit", &[line], |filter| passes(filter, &frame, 50));
    assert_eq!(passed, 5);
}

/// At the end of a burst, each other CPU may pass one more packet.
#[test]
fn cpus_share_one_limit() {
    let (burst, each, processes) = (200_000, 400_000, 4);
    let rule = format!("10.0.0.0/8 rate=1 burst={burst} source_rate=1 source_burst=300000");
    let mut filter = Filter::load("limit", &[&rule]);
    let started = Instant::now();
    filter.flood(&ip4("10.0.0.1").udp(53).bytes, each, processes);
    let [passed, dropped, ..] = totals(&filter);
    assert_eq!(passed + dropped, u64::from(each * processes));
    // Each CPU may pass one more packet, and each second adds one token.
    let most = burst + 40 + started.elapsed().as_secs();
    assert!((burst..most).contains(&passed), "{passed}");
    assert_eq!(filter.number("10.0.0.0/8 passed"), passed);
}

#[test]
fn management_and_non_ip_packets_have_no_limit_by_default() {
    let all = "::/0 rate=1";
    let managed = "@settings 0 manage=true scope=SCOPE_ALL";
    let filter = Filter::load("limit", &[all]);
    let management = ip4("10.0.0.1").tcp(22).bytes;
    assert_eq!(passes(&filter, &management, 9), 9);
    assert_eq!(
        passes(&filter, &Frame::raw(ETH_P_ARP, &[0; 28]).bytes, 9),
        9
    );
    assert_eq!(totals(&filter), [0, 0, 0, 9, 9]);
    let managed = Filter::before_a_token("limit", &[all, managed], |filter| {
        passes(filter, &management, 9)
    });
    assert_eq!(managed, 1);
}

#[test]
fn monitor_counts_but_drops_nothing() {
    let lines = ["::/0 rate=1 burst=2", "@settings 0 monitor=true"];
    let frame = ip4("10.0.0.1").udp(53).bytes;
    let counted = Filter::before_a_token("limit", &lines, |filter| {
        assert_eq!(passes(filter, &frame, 9), 9);
        totals(filter)
    });
    assert_eq!(counted, [2, 7, 0, 0, 0]);
}

#[test]
fn limit_corefile_limits_as_documented() {
    let filter = Filter::shipped("limit");
    for (frame, rate, burst) in [
        (ip4("192.0.2.1").udp(53), 1000, 5000),
        (ip4("203.0.113.1").udp(53), 100, 500),
        (ip4("203.0.114.1").udp(53), 100, 500),
        (ip6("2001:db8:1::1").udp(53), 300, 300),
        (ip6("2001:db8:2::1").udp(53), 100, 500),
    ] {
        filter.admits(&frame.bytes, rate, burst);
    }
}
