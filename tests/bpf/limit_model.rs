//! `limit` compared with a model of its token buckets.

use nix::time::{ClockId, clock_gettime};

use super::random::{self, packets};
use support::objects::random::Random;
use support::packets::filter::Filter;
use support::packets::model::Facts;
use support::packets::sandbox::PASS;

/// A bucket of the model. The test reads the clock before and after the program does, so the time at which the bucket is
/// full, in nanoseconds, has two bounds.
#[derive(Clone, Copy, Default)]
struct Bucket {
    earliest: i64,
    latest: i64,
}

#[derive(Clone, Copy)]
struct Limit {
    /// Packets per second.
    rate: i64,
    burst: i64,
}

const fn limit(rate: i64, burst: i64) -> Limit {
    Limit { rate, burst }
}

/// Greatest lag of the program's coarse clock in nanoseconds: one jiffy, and the delay of a jiffy on a busy machine.
const COARSE_LAG: i64 = 100_000_000;

impl Bucket {
    /// `None` if the bucket has a token at one bound and none at the other.
    fn has_token(self, limit: Limit, (before, after): (i64, i64)) -> Option<bool> {
        let depth = 1_000_000_000 / limit.rate * (limit.burst - 1);
        // Rounding of intervals to nanoseconds.
        let slack = limit.burst + 1;
        if self.latest - before <= depth - slack {
            Some(true)
        } else if self.earliest - after > depth + slack {
            Some(false)
        } else {
            None
        }
    }

    fn take(&mut self, limit: Limit, (before, after): (i64, i64)) {
        let token = 1_000_000_000 / limit.rate;
        self.earliest = self.earliest.max(before) + token;
        self.latest = self.latest.max(after) + token + 1;
    }
}

fn now() -> i64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}

/// The program reads the exact clock for buckets that refill in less than half a second.
#[test]
fn verdicts_match_the_model_of_shallow_buckets() {
    compare(limit(3000, 50), limit(1000, 5), 0);
}

/// The program reads the coarse clock for buckets that refill in half a second or more.
#[test]
fn verdicts_match_the_model_of_deep_buckets() {
    compare(limit(3000, 1800), limit(10, 10), COARSE_LAG);
}

/// Compares the program with the model: 10.0.0.0/8 has the limit `subnet_limit`, and each of its sources `source_limit`.
fn compare(subnet_limit: Limit, source_limit: Limit, lag: i64) {
    let rule = format!(
        "10.0.0.0/8 rate={} burst={} source_rate={} source_burst={}",
        subnet_limit.rate, subnet_limit.burst, source_limit.rate, source_limit.burst
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
        let times = (before - lag, now());
        let net = u128::from("::ffff:10.0.0.0".parse::<std::net::Ipv6Addr>().unwrap()) >> 24;
        let facts = Facts::of(&frame).filter(|facts| u128::from(facts.source) >> 24 == net);
        let Some(facts) = facts.filter(Facts::is_to_server) else {
            assert_eq!(verdict, PASS, "{frame:02x?}");
            continue;
        };
        // Source networks: /24 of IPv4, /56 of IPv6.
        let bits = if facts.is_ip4 { 8 } else { 72 };
        let source = u128::from(facts.source) >> bits << 1 | u128::from(facts.is_ip4);
        let source = sources.entry(source).or_default();
        let tokens = [
            source.has_token(source_limit, times),
            subnet.has_token(subnet_limit, times),
        ];
        let passed = verdict == PASS;
        match tokens {
            [Some(true), Some(true)] => assert!(passed, "{frame:02x?}"),
            [Some(false), _] | [_, Some(false)] => assert!(!passed, "{frame:02x?}"),
            _ => {}
        }
        seen[usize::from(passed)] += 1;
        if passed {
            source.take(source_limit, times);
            subnet.take(subnet_limit, times);
        }
    }
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
    assert_eq!(filter.number("10.0.0.0/8 passed"), u64::from(seen[1]));
}
