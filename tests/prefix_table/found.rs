//! Entries, without decisions.

use super::table::{Found, Loaded, edges, ip4, list, value};
use corexdp::table::prefix::{Prefix, deciding};
use support::objects::random::Random;

#[test]
fn program_finds_what_the_list_says() {
    for seed in 0..8 {
        let random = &mut Random(7 + seed);
        let items = list(random, [0, 1, 5, 30, 200, 200, 1000, 1000][seed as usize]);
        let loaded = Loaded::new(&items);
        for (prefix, ..) in &items {
            for address in edges(*prefix) {
                assert_eq!(loaded.find(address), loaded.listed(address), "{address:x}");
            }
        }
    }
}

/// 65,536 runs in an IPv4 chunk, and in two IPv6 chunks one below the other: the longest walks.
#[test]
fn program_walks_the_deepest_nodes() {
    let host = |n: u128| Prefix::new(0x2001_0db8 << 96 | n, 128);
    let mut items: Vec<_> = (0..1 << 15)
        .map(|n| (ip4(n << 1, 32), 1, value(1, 0)))
        .collect();
    items.extend((0..1 << 15).map(|n| (host(n << 1), 1, value(2, 0))));
    items.extend((1..1 << 15).map(|n| {
        (
            Prefix::new(0x2001_0db8 << 96 | n << 17, 112),
            1,
            value(3, 0),
        )
    }));
    let loaded = Loaded::new(&items);
    for (prefix, ..) in items.iter().step_by(97) {
        let entry = deciding(loaded.parts(), prefix.address).unwrap();
        assert_eq!(entry.prefix, *prefix);
        assert_eq!(loaded.find(prefix.address), Found::Light(entry.leaf));
        let [_, _, before, _] = edges(*prefix);
        assert_eq!(loaded.find(before), Found::Nothing);
    }
}

#[test]
fn light_entry_counts_its_packets() {
    let loaded = Loaded::new(&[(ip4(0x0a00_0000, 8), 1, value(2, 0))]);
    let address = 0xffff_0a01_0203;
    for _ in 0..3 {
        loaded.find(address);
    }
    let entry = deciding(loaded.parts(), address).unwrap();
    let mut read = [0; 16];
    loaded.table.read(entry.leaf, &mut read);
    assert_eq!(
        (read[0], read[8..16].to_vec()),
        (2, 3_u64.to_ne_bytes().to_vec())
    );
}
