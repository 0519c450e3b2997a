//! `limit`: so many packets per second, and so many at once, of a subnet and of each source.

use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use super::random::{self, packets};
use support::objects::random::Random;
use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::model::Facts;
use support::packets::sandbox::{DROP, PASS};

fn totals(filter: &Filter) -> [u64; 5] {
    ["passed", "dropped", "unlisted", "management", "other"]
        .map(|name| filter.number(&format!("@totals 0 {name}")))
}

/// The number of these packets that pass.
fn passes(filter: &Filter, frame: &[u8], times: u32) -> u32 {
    (0..times)
        .map(|_| u32::from(filter.verdict(frame) == PASS))
        .sum()
}

#[test]
fn a_burst_passes_and_no_more() {
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

#[test]
fn rule_prefix_lengths_define_a_source() {
    for (rule, first, second, is_same) in [
        (
            "::/0 source_rate=1",
            ip4("10.1.1.1"),
            ip4("10.1.1.200"),
            true,
        ),
        (
            "::/0 source_rate=1",
            ip4("10.1.1.1"),
            ip4("10.1.2.1"),
            false,
        ),
        (
            "::/0 source_rate=1 ip4_bits=32",
            ip4("10.1.1.1"),
            ip4("10.1.1.2"),
            false,
        ),
        (
            "::/0 source_rate=1 ip4_bits=8",
            ip4("10.1.1.1"),
            ip4("10.200.1.2"),
            true,
        ),
        (
            "::/0 source_rate=1",
            ip6("2001:db8:1:1ff::1"),
            ip6("2001:db8:1:101::"),
            true,
        ),
        (
            "::/0 source_rate=1",
            ip6("2001:db8:1:1ff::1"),
            ip6("2001:db8:1:2ff::1"),
            false,
        ),
        (
            "::/0 source_rate=1 ip6_bits=64",
            ip6("2001:db8:1:1ff::1"),
            ip6("2001:db8:1:1fe::1"),
            false,
        ),
        (
            "::/0 source_rate=1 ip6_bits=128",
            ip6("2001:db8::1"),
            ip6("2001:db8::2"),
            false,
        ),
        (
            "::/0 source_rate=1 ip6_bits=32",
            ip6("2001:db8::1"),
            ip6("2001:db8:ffff::2"),
            true,
        ),
    ] {
        let (first, second) = (first.udp(53).bytes, second.udp(53).bytes);
        let verdicts = Filter::before_a_token("limit", &[rule], |filter| {
            [&first, &second].map(|frame| filter.verdict(frame))
        });
        let expected = if is_same { DROP } else { PASS };
        assert_eq!(verdicts, [PASS, expected], "{rule}: {second:02x?}");
    }
}

#[test]
fn a_source_over_its_limit_costs_its_subnet_nothing() {
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
fn tokens_drip_in_until_the_bucket_is_full() {
    let filter = Filter::load("limit", &["10.0.0.0/8 rate=20 burst=5"]);
    let frame = ip4("10.0.0.1").udp(53).bytes;
    filter.admits(&frame, 20, 5);
    // Two tokens and a half, and more where the machine takes its time.
    sleep(Duration::from_millis(125));
    assert!((2..=5).contains(&passes(&filter, &frame, 5)));
    sleep(Duration::from_millis(1500));
    filter.admits(&frame, 20, 5);
}

/// A bucket as it is after a long time: full since then, whether long ago or never used.
#[test]
fn after_idle_hours_there_is_one_burst() {
    let frame = ip4("10.0.0.1").udp(53).bytes;
    let line = "10.0.0.0/8 rate=1 burst=5 bucket.full=1";
    let passed = Filter::before_a_token("limit", &[line], |filter| passes(filter, &frame, 50));
    assert_eq!(passed, 5);
}

/// At the end of a burst each other processor may let one more pass.
#[test]
fn processors_share_one_limit() {
    let (burst, each, processes) = (200_000, 400_000, 4);
    let rule = format!("10.0.0.0/8 rate=1 burst={burst} source_rate=1 source_burst=300000");
    let mut filter = Filter::load("limit", &[&rule]);
    let started = Instant::now();
    filter.flood(&ip4("10.0.0.1").udp(53).bytes, each, processes);
    let [passed, dropped, ..] = totals(&filter);
    assert_eq!(passed + dropped, u64::from(each * processes));
    // One of each processor and one of each second may come on top.
    let most = burst + 40 + started.elapsed().as_secs();
    assert!((burst..most).contains(&passed), "{passed}");
    assert_eq!(filter.number("10.0.0.0/8 passed"), passed);
}

#[test]
fn management_and_what_is_no_ip_packet_have_no_limit_by_default() {
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
fn a_monitor_counts_and_drops_nothing() {
    let lines = ["::/0 rate=1 burst=2", "@settings 0 monitor=true"];
    let frame = ip4("10.0.0.1").udp(53).bytes;
    let counted = Filter::before_a_token("limit", &lines, |filter| {
        assert_eq!(passes(filter, &frame, 9), 9);
        totals(filter)
    });
    assert_eq!(counted, [2, 7, 0, 0, 0]);
}

#[test]
fn the_corefile_of_limit_limits_as_it_says() {
    let filter = Filter::shipped("limit");
    for (frame, rate, burst) in [
        (ip4("192.0.2.1").udp(53), 1000, 200),
        (ip4("203.0.113.1").udp(53), 100, 500),
        (ip4("203.0.114.1").udp(53), 100, 500),
        (ip6("2001:db8:1::1").udp(53), 300, 300),
        (ip6("2001:db8:2::1").udp(53), 100, 500),
    ] {
        filter.admits(&frame.bytes, rate, burst);
    }
}

/// The model's bucket. The program's clock is read between two of ours, so it is known within bounds: the times at
/// which it may be full.
#[derive(Clone, Copy, Default)]
struct Bucket {
    earliest: i64,
    latest: i64,
}

/// Packets per second, burst.
#[derive(Clone, Copy)]
struct Flow(i64, i64);

/// Nanoseconds that the program's coarse clock may be behind: one tick of the timer, and the delay of a tick on a busy
/// machine.
const TICK: i64 = 100_000_000;

impl Bucket {
    /// `Some(true)` if the bucket surely has a token, `Some(false)` if it surely has none, `None` in between.
    fn has_token(self, flow: Flow, (before, after): (i64, i64)) -> Option<bool> {
        let depth = 1_000_000_000 / flow.0 * (flow.1 - 1);
        // The slack covers rounding of nanoseconds.
        let slack = flow.1 + 1;
        if self.latest - before <= depth - slack {
            Some(true)
        } else if self.earliest - after > depth + slack {
            Some(false)
        } else {
            None
        }
    }

    fn take(&mut self, flow: Flow, (before, after): (i64, i64)) {
        let token = 1_000_000_000 / flow.0;
        self.earliest = self.earliest.max(before) + token;
        self.latest = self.latest.max(after) + token + 1;
    }
}

fn now() -> i64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}

/// Buckets that are full again soon, of which the program knows exactly when.
#[test]
fn no_packet_contradicts_the_model() {
    agree(Flow(3000, 50), Flow(1000, 5), 0);
}

/// Buckets that take half a second and more.
#[test]
fn no_packet_contradicts_the_model_of_deep_buckets() {
    agree(Flow(3000, 1800), Flow(10, 10), TICK);
}

/// All of 10.0.0.0/8 has one limit, and each source another.
fn agree(all: Flow, each: Flow, behind: i64) {
    let rule = format!(
        "10.0.0.0/8 rate={} burst={} source_rate={} source_burst={}",
        all.0, all.1, each.0, each.1
    );
    let filter = Filter::load("limit", &[&rule]);
    let mut random = Random(0x1111);
    let mut subnet = Bucket::default();
    let mut sources = std::collections::HashMap::<u128, Bucket>::new();
    let mut seen = [0_u32; 2];
    for _ in 0..packets() {
        let frame = random::frame(&mut random, b"payload");
        let before = now();
        let verdict = filter.verdict(&frame);
        let times = (before - behind, now());
        let net = u128::from("::ffff:10.0.0.0".parse::<std::net::Ipv6Addr>().unwrap()) >> 24;
        let facts = Facts::of(&frame).filter(|facts| u128::from(facts.source) >> 24 == net);
        let Some(facts) = facts.filter(Facts::is_to_server) else {
            assert_eq!(verdict, PASS, "{frame:02x?}");
            continue;
        };
        // The program has it by family: /24 of IPv4, /56 of IPv6.
        let bits = if facts.is_ip4 { 8 } else { 72 };
        let source = u128::from(facts.source) >> bits << 1 | u128::from(facts.is_ip4);
        let source = sources.entry(source).or_default();
        let tokens = [source.has_token(each, times), subnet.has_token(all, times)];
        let passed = verdict == PASS;
        match tokens {
            [Some(true), Some(true)] => assert!(passed, "{frame:02x?}"),
            [Some(false), _] | [_, Some(false)] => assert!(!passed, "{frame:02x?}"),
            _ => {}
        }
        seen[usize::from(passed)] += 1;
        if passed {
            source.take(each, times);
            subnet.take(all, times);
        }
    }
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
    assert_eq!(filter.number("10.0.0.0/8 passed"), u64::from(seen[1]));
}
