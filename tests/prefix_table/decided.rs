//! Decisions: entries that are added at run time, some with an end.

use std::time::Duration;

use super::table::{Found, Item, Loaded, SIZE, edges, list, prefix, value};
use corexdp::table::prefix::{Prefix, deciding};
use nix::time::{ClockId, clock_gettime};
use support::objects::random::Random;

/// Nanoseconds since boot, as the kernel counts them for programs.
fn now() -> u64 {
    let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
    u64::try_from(now.as_nanos()).unwrap()
}

#[derive(Clone, Copy)]
struct Decision {
    prefix: Prefix,
    until: u64,
    value: [u8; SIZE],
}

impl Decision {
    fn add(&self, loaded: &Loaded) {
        let mut bytes = self.until.to_ne_bytes().to_vec();
        bytes.extend(u32::from(self.prefix.length).to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.value);
        if self.prefix.length == 128 {
            loaded
                .addresses
                .fill(&self.prefix.address.to_be_bytes(), &bytes);
        } else {
            loaded.networks.fill(&self.prefix.to_key(), &bytes);
        }
    }
}

/// The longest of the decisions and the entries of source 0, else what the lists say.
fn expected(loaded: &Loaded, decisions: &[Decision], address: u128) -> Found {
    let valid = decisions.iter().filter(|decision| {
        decision.prefix.contains(address) && (decision.until == 0 || decision.until > now())
    });
    let Some(decision) = valid.max_by_key(|decision| decision.prefix.length) else {
        return loaded.listed(address);
    };
    let entry = deciding(loaded.parts(), address);
    let is_over = |entry: &corexdp::table::prefix::Entry| {
        entry.source == 0 && entry.prefix.length > decision.prefix.length
    };
    match entry {
        Some(entry) if is_over(&entry) => loaded.listed(address),
        _ => Found::Value(decision.value),
    }
}

#[test]
fn decisions_take_precedence_until_their_time() {
    let hour = 3600 * 1_000_000_000;
    for seed in 0..6 {
        let random = &mut Random(70 + seed);
        let items: Vec<Item> = list(random, 150);
        let loaded = Loaded::new(&items);
        let mut decisions: Vec<Decision> = Vec::new();
        for number in 0..150 {
            let prefix = prefix(random);
            if decisions.iter().any(|decision| decision.prefix == prefix) {
                continue;
            }
            let until = [0, 1, now() - 1_000_000_000, now() + hour][random.below(4)];
            let value = value(9, 1000 + number);
            decisions.push(Decision {
                prefix,
                until,
                value,
            });
        }
        loaded.parts().set_decisions(1, 1);
        for decision in &decisions {
            decision.add(&loaded);
        }
        let prefixes = items.iter().map(|item| item.0);
        let prefixes = prefixes.chain(decisions.iter().map(|decision| decision.prefix));
        for address in prefixes.flat_map(edges) {
            let found = loaded.find(address);
            assert_eq!(found, expected(&loaded, &decisions, address), "{address:x}");
        }
        // Without their counts, decisions are not looked at.
        loaded.parts().set_decisions(0, 0);
        for (prefix, ..) in &items {
            assert_eq!(loaded.find(prefix.address), loaded.listed(prefix.address));
        }
    }
}

/// Each of 128 nested decisions hides the next larger one; all but the largest are over.
#[test]
fn ended_decisions_hide_no_larger_one() {
    let loaded = Loaded::new(&[]);
    let until = |length| u64::from(length != 1);
    // The program looks past 33 of them (PREFIX_TABLE_OVER); more wait for the daemon to delete some.
    for length in 1..=34 {
        Decision {
            prefix: Prefix::new(u128::MAX, length),
            until: until(length),
            value: value(length, 0),
        }
        .add(&loaded);
    }
    loaded.parts().set_decisions(0, 1);
    assert_eq!(loaded.find(u128::MAX), Found::Value(value(1, 0)));
    assert_eq!(loaded.find(1), Found::Nothing);
}
