//! `limit` compared with a model of its token buckets.

use std::collections::HashMap;

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

    /// Takes a token at the later bound alone.
    fn may_take(&mut self, limit: Limit, times: (i64, i64)) {
        let earliest = self.earliest;
        self.take(limit, times);
        self.earliest = earliest;
    }
}

fn now() -> i64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}

/// A prefix length of sources, their limit, and the bucket of each source.
struct Level {
    ip4_bits: u8,
    ip6_bits: u8,
    limit: Limit,
    buckets: HashMap<(bool, u128), Bucket>,
}

fn level(ip4_bits: u8, ip6_bits: u8, limit: Limit) -> Level {
    Level {
        ip4_bits,
        ip6_bits,
        limit,
        buckets: HashMap::new(),
    }
}

impl Level {
    fn bucket(&mut self, facts: &Facts) -> &mut Bucket {
        let bits = if facts.is_ip4 {
            32 - u32::from(self.ip4_bits)
        } else {
            128 - u32::from(self.ip6_bits)
        };
        let network = u128::from(facts.source).checked_shr(bits).unwrap_or(0);
        self.buckets.entry((facts.is_ip4, network)).or_default()
    }
}

/// The program reads the exact clock for buckets that refill in less than half a second.
#[test]
fn verdicts_match_the_model_of_shallow_buckets() {
    let levels = [level(24, 56, limit(1000, 5))];
    compare(
        "source_rate=1000 source_burst=5",
        limit(3000, 50),
        levels,
        0,
    );
}

/// The program reads the coarse clock for buckets that refill in half a second or more.
#[test]
fn verdicts_match_the_model_of_deep_buckets() {
    let levels = [level(24, 56, limit(10, 10))];
    let rates = "source_rate=10 source_burst=10";
    compare(rates, limit(3000, 1800), levels, COARSE_LAG);
}

#[test]
fn verdicts_match_the_model_of_two_levels() {
    let rates = "address_rate=1000 address_burst=5 \
                 source_rate=1500 source_burst=20 ip4_bits=8 ip6_bits=24";
    let levels = [
        level(32, 128, limit(1000, 5)),
        level(8, 24, limit(1500, 20)),
    ];
    compare(rates, limit(3000, 50), levels, 0);
}

#[test]
fn verdicts_match_the_model_of_a_wide_level_that_binds() {
    let rates = "source_rate=2000 source_burst=8 ip4_bits=30 ip6_bits=126 \
                 site_rate=1500 site_burst=8";
    let levels = [
        level(30, 126, limit(2000, 8)),
        level(16, 48, limit(1500, 8)),
    ];
    compare(rates, limit(1_000_000, 1000), levels, 0);
}

/// Compares the program with the model: 10.0.0.0/8 has the limit `subnet`, and its sources have the limits of the
/// levels, which `rates` says in words.
fn compare<const N: usize>(rates: &str, subnet: Limit, levels: [Level; N], lag: i64) {
    let (rate, burst) = (subnet.rate, subnet.burst);
    let rule = format!("10.0.0.0/8 rate={rate} burst={burst} {rates}");
    let filter = Filter::load("limit", &[&rule]);
    let mut random = Random(0x1111);
    let (mut levels, mut total) = (levels, Bucket::default());
    let mut seen = [0_u32; 2];
    for _ in 0..packets() {
        let frame = random::frame(&mut random, b"payload");
        let before = now();
        let passed = filter.verdict(&frame) == PASS;
        let times = (before - lag, now());
        let net = u128::from("::ffff:10.0.0.0".parse::<std::net::Ipv6Addr>().unwrap()) >> 24;
        let facts = Facts::of(&frame);
        if facts.as_ref().is_some_and(|facts| facts.hidden) {
            assert!(!passed, "{frame:02x?}");
            continue;
        }
        let facts = facts.filter(|facts| u128::from(facts.source) >> 24 == net);
        let Some(facts) = facts.filter(Facts::is_to_server) else {
            assert!(passed, "{frame:02x?}");
            continue;
        };
        let mut buckets = vec![(&mut total, subnet)];
        buckets.extend(levels.iter_mut().map(|level| {
            let limit = level.limit;
            (level.bucket(&facts), limit)
        }));
        follow(buckets, passed, times).unwrap_or_else(|wrong| panic!("{wrong}: {frame:02x?}"));
        seen[usize::from(passed)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
    assert_eq!(filter.number("10.0.0.0/8 passed"), u64::from(seen[1]));
}

/// Compares a verdict with the buckets, of which the first is that of the subnet, and takes the tokens that the packet
/// took: all, or those in front of the first empty bucket, but none of the subnet.
fn follow(
    mut buckets: Vec<(&mut Bucket, Limit)>,
    passed: bool,
    times: (i64, i64),
) -> Result<(), &'static str> {
    let tokens: Vec<_> = buckets
        .iter()
        .map(|(bucket, limit)| bucket.has_token(*limit, times))
        .collect();
    if passed {
        if tokens.contains(&Some(false)) {
            return Err("no token, but the packet passed");
        }
        for (bucket, limit) in buckets {
            bucket.take(limit, times);
        }
        return Ok(());
    }
    let empty = tokens.iter().position(|token| *token == Some(false));
    let unclear = tokens.iter().position(Option::is_none);
    let Some(first) = unclear.into_iter().chain(empty).min() else {
        return Err("tokens in all buckets, but the packet was dropped");
    };
    let last = tokens.iter().rposition(|token| *token != Some(true));
    let end = empty.or(last).unwrap_or(first);
    for (number, (bucket, limit)) in buckets.drain(..end.max(1)).enumerate().skip(1) {
        if number < first {
            bucket.take(limit, times);
        } else {
            bucket.may_take(limit, times);
        }
    }
    Ok(())
}
