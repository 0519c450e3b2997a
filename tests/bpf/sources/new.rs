//! New sources: their pool, and the networks that they replace.

use std::time::Instant;

use support::packets::filter::Filter;

use super::{PROGRAMS, SENT, ask, before_a_token, load, passes, total};

/// Queries of 2^24 sources, each in a /24 of its own.
struct Strangers(Vec<u8>);

impl Strangers {
    fn new() -> Self {
        Self(ask("0.0.0.0"))
    }

    fn query(&mut self, number: u32) -> &[u8] {
        // By an odd factor, the low bits of the products differ.
        let address = number.wrapping_mul(0x9e37_79b1).reverse_bits();
        let address = address.to_be_bytes();
        self.0[26..30].copy_from_slice(&address);
        &self.0
    }
}

#[test]
fn new_sources_share_a_pool() {
    for program in PROGRAMS {
        let settings = "new_rate=1 new_burst=50";
        let (passed, again, counted) =
            before_a_token(program, "network_rate=1000000", settings, |filter| {
                let mut strangers = Strangers::new();
                let mut pass = |number| passes(filter, strangers.query(number), 1);
                let passed: u32 = (0..5000).map(&mut pass).sum();
                // Known sources take no token of the pool.
                let again: u32 = (0..50).map(&mut pass).sum();
                let counted = ["new_sources", "new_limited"].map(|name| total(filter, name));
                (passed, again, counted)
            });
        assert_eq!((passed, again), (50, 50), "{program}");
        assert_eq!(counted, [50, 4950], "{program}");
    }
}

/// Each network that is new takes a token, so that no more networks are replaced.
#[test]
fn networks_of_each_length_are_new() {
    let rates = "address_rate=1000000 network_rate=1000000 site_rate=1000000";
    for program in PROGRAMS {
        let passed = before_a_token(program, rates, "new_rate=1 new_burst=6", |filter| {
            let sources = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.1", "10.0.1.2"];
            sources.map(|source| passes(filter, &ask(source), 1))
        });
        // Three new networks, one, two, none, one more than the pool has.
        assert_eq!(passed, [1, 1, 1, 1, 0], "{program}");
    }
}

#[test]
fn sources_without_a_rate_are_not_counted_as_new() {
    for program in PROGRAMS {
        let filter = load(program, "", "new_rate=1");
        assert_eq!(passes(&filter, &ask("10.0.0.1"), SENT), SENT, "{program}");
        assert_eq!(total(&filter, "new_sources"), 0, "{program}");
    }
}

/// Queries of the flood beside known sources.
const FLOOD: u32 = 200_000;

/// Sends the flood, with a query of `source` after each `every` queries. Returns the number of those that pass.
fn beside_the_flood(filter: &Filter, source: &str, every: u32) -> u32 {
    let (known, mut strangers) = (ask(source), Strangers::new());
    let mut passed = passes(filter, &known, 1);
    for number in 0..FLOOD {
        filter.run(strangers.query(number));
        if number % every == every - 1 {
            passed += passes(filter, &known, 1);
        }
    }
    passed
}

#[test]
fn known_source_loses_nothing_beside_a_flood_of_new_sources() {
    for program in PROGRAMS {
        for settings in ["new_rate=1000", "new_rate=0"] {
            // The bucket is full again within 10 ms.
            let filter = load(program, "network_rate=1000 network_burst=10", settings);
            let passed = beside_the_flood(&filter, "198.51.100.1", 1000);
            assert_eq!(passed, FLOOD / 1000 + 1, "{program}: {settings}");
        }
    }
}

#[test]
fn source_over_its_rate_gets_no_new_bucket_from_a_flood() {
    for program in PROGRAMS {
        for settings in ["new_rate=1000", "new_rate=0"] {
            let filter = load(program, "network_rate=1 network_burst=20", settings);
            let begin = Instant::now();
            let passed = beside_the_flood(&filter, "198.51.100.1", 100);
            let most = 21 + u32::try_from(begin.elapsed().as_secs()).unwrap();
            assert!((20..=most).contains(&passed), "{program}: {passed}");
        }
    }
}

/// With each of these keys the hash of a network differs by almost the same steps from that of its neighbour, so that
/// without more mixing a few sets would get all of them.
#[test]
fn neighbours_spread_over_the_table_with_any_keys() {
    for parts in [1, 7, 100, 1 << 56] {
        let word = ((1_u64 << 56) / parts) | 1;
        let filter = load("limit", "network_rate=1000000", "");
        filter.entry(&format!("@pools 0 keys.word[0]={word} keys.start=1"));
        let mut query = ask("0.0.0.0");
        let mut pass = |number: u32| {
            query[26..30].copy_from_slice(&(number << 8).to_be_bytes());
            passes(&filter, &query, 1)
        };
        // One network for each set. One set in 270 gets five or more, and then replaces each of them in turn.
        (0..32_768).for_each(|number| assert_eq!(pass(number), 1));
        (0..32_768).for_each(|number| assert_eq!(pass(number), 1));
        let replaced = total(&filter, "new_sources") - 32_768;
        assert!(replaced < 1500, "{parts} parts: {replaced} replaced");
    }
}

/// There are more networks than the table has room for: the networks that were quiet for longest are replaced.
#[test]
fn new_network_replaces_the_one_that_was_idle_for_longest() {
    let filter = load("dns", "network_rate=1 network_burst=1", "");
    let mut strangers = Strangers::new();
    let mut pass = |number| passes(&filter, strangers.query(number), 1);
    let sent = 2 * FLOOD;
    let mut passed = (0..sent - 1000).map(&mut pass).sum::<u32>();
    let begin = Instant::now();
    passed += (sent - 1000..sent).map(&mut pass).sum::<u32>();
    assert_eq!(passed, sent);
    assert_eq!(total(&filter, "new_sources"), u64::from(sent));
    // The last ones are known, unless their token has arrived meanwhile.
    let passed: u32 = (sent - 1000..sent).map(&mut pass).sum();
    assert!(passed < 10 || begin.elapsed().as_millis() > 500, "{passed}");
    let before = total(&filter, "new_sources");
    let passed: u32 = (0..1000).map(&mut pass).sum();
    // Twelve networks came for each set of four. A network that is still there may have no token yet.
    let replaced = total(&filter, "new_sources") - before;
    assert!(replaced > 970, "{replaced}");
    assert!(u64::from(passed) >= replaced, "{passed} of {replaced}");
}
