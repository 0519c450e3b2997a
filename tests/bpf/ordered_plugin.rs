//! `ordered` with the `map` lines of CoreDNS's ebpf plugin.

use super::ordered::check;
use support::packets::sandbox::{DROP, PASS};

/// The `map` lines in the README of the plugin's `acl` example: two networks pass, all others are dropped.
const PLUGIN_LINES: [&str; 3] = [
    "00000002.0A0B0000.FFFF0000.00000000000000000000000000000000.00000000000000000000000000000000.00000000",
    "00000002.00000000.00000000.FC00DEADCAFE00010000000000000000.FFFFFFFFFFFFFFFF0000000000000000.00000000",
    "00000001.00000000.00000000.00000000000000000000000000000000.00000000000000000000000000000000.00000000",
];

#[test]
fn plugin_lines_block_the_same_sources() {
    let rules = PLUGIN_LINES.map(crate::decode);
    assert_eq!(rules.each_ref().map(Vec::len), [48; 3]);
    check(
        &rules,
        &[
            ("10.11.0.0", PASS, Some(0)),
            ("10.11.255.255", PASS, Some(0)),
            ("10.10.255.255", DROP, Some(2)),
            ("10.12.0.0", DROP, Some(2)),
            ("198.51.100.7", DROP, Some(2)),
            ("fc00:dead:cafe:1::", PASS, Some(1)),
            ("fc00:dead:cafe:1:ffff:ffff:ffff:ffff", PASS, Some(1)),
            ("fc00:dead:cafe:0:ffff::1", DROP, Some(2)),
            ("fc00:dead:cafe:2::", DROP, Some(2)),
            ("2001:db8::1", DROP, Some(2)),
        ],
    );
    // With the action drop, the lines block one network of each family.
    let block = |line: &str| crate::decode(&line.replacen("00000002", "00000001", 1));
    check(
        &[block(PLUGIN_LINES[0]), block(PLUGIN_LINES[1])],
        &[
            ("10.11.0.1", DROP, Some(0)),
            ("10.12.0.1", PASS, None),
            ("fc00:dead:cafe:1::1", DROP, Some(1)),
            ("fc00:dead:cafe:2::1", PASS, None),
        ],
    );
    // The first matching rule decides, regardless of mask lengths.
    let all = crate::decode(PLUGIN_LINES[2]);
    check(
        &[all, crate::decode(PLUGIN_LINES[0])],
        &[("10.11.0.1", DROP, Some(0))],
    );
}
