//! Decisions that are refused, with their messages.

use std::fmt::Write as _;

use super::{blocks, entries, kept, start, tables};

#[test]
fn wrong_words_are_refused() {
    let site = blocks();
    let daemon = start(&site, "    entry @hosts 198.51.100.7 action=BLOCK_DROP\n");
    for (words, code, message) in [
        (
            &["add"][..],
            64,
            "corexdp: add: no KEY; write [@MAP] KEY FIELD=VALUE… [for DURATION]",
        ),
        (
            &["add", "192.0.2.7"],
            64,
            "corexdp: add: no FIELD=VALUE after KEY; write [@MAP] KEY FIELD=VALUE… [for DURATION]",
        ),
        (
            &["add", "192.0.2.7", "acton=BLOCK_DROP"],
            64,
            "corexdp: add: struct rule has no member acton; did you mean action?",
        ),
        (
            &["add", "example.com", "action=BLOCK_DROP"],
            64,
            "corexdp: add: KEY is a prefix, 8 bytes; it takes an IPv4 address/BITS with BITS up to 32, or 0x and 16 digits, not \"example.com\"",
        ),
        (
            &["add", "@others", "0", "action=BLOCK_DROP"],
            64,
            "corexdp: add: others cannot have decisions; its entries cannot be deleted one by one: name a hash or an lpm_trie",
        ),
        (
            &["add", "-i", "edge9", "192.0.2.7", "action=BLOCK_DROP"],
            69,
            "corexdp: add: no filter on edge9; `corexdp status` shows the filtered interfaces",
        ),
        (
            &["add", "@host", "192.0.2.7", "action=BLOCK_DROP"],
            69,
            "corexdp: add: no map host; name @few, @hosts, @recent or @xdp_map",
        ),
        (
            &["add", "@hosts", "198.51.100.7", "action=BLOCK_PASS"],
            69,
            "corexdp: add: 198.51.100.7 is given by COREFILE:6; change it there, and reload",
        ),
        (
            &["delete", "@hosts", "198.51.100.7"],
            69,
            "corexdp: delete: 198.51.100.7 is given by COREFILE:6; change it there, and reload",
        ),
        (
            &["delete", "192.0.2.7", "action=BLOCK_DROP"],
            64,
            "corexdp: delete: unexpected \"action=BLOCK_DROP\"; write [@MAP] KEY",
        ),
        (&["delete"], 64, "corexdp: delete: no KEY; write [@MAP] KEY"),
    ] {
        let corefile = site.folder.file("Corefile").display().to_string();
        let message = message.replace("COREFILE", &corefile);
        site.decide(words).expect(code, &[&message]);
    }
    assert_eq!(kept(&site), [""; 0]);
    assert_eq!((entries(&site, "xdp_map"), entries(&site, "hosts")), (0, 1));
    daemon.stop();
}

#[test]
fn prefix_longer_than_an_address_is_refused() {
    let at_most = |bits: u32, max: u32, hint: &str| {
        format!("KEY is a prefix of {bits} bits; a key of xdp_map has at most {max}{hint}")
    };
    let refused = |site: &support::net::Site, length: [u8; 4], rest: &str, message: &str| {
        let [a, b, c, d] = length;
        let key = format!("0x{a:02x}{b:02x}{c:02x}{d:02x}{rest}");
        let field = if rest.len() > 8 { "ACL" } else { "BLOCK" };
        let field = format!("action={field}_DROP");
        for words in [
            &["add", &key, &field][..],
            &["delete", &key],
            &["test", &key],
        ] {
            let verb = words[0];
            let outcome = if verb == "test" {
                site.ask(words)
            } else {
                site.decide(words)
            };
            outcome.expect(64, &[&format!("corexdp: {verb}: {message}")]);
        }
        assert_eq!(kept(site), [""; 0]);
    };
    let address = "20010db8000000000000000000000000";
    let (site, daemon) = tables::start("acl", "");
    for bits in [129_u32, 160, 255, 256, u32::MAX] {
        let message = at_most(bits, 128, "");
        refused(&site, bits.to_ne_bytes(), address, &message);
    }
    let hint = "; a key is written as in memory, lowest byte first";
    let swapped = 64_u32.swap_bytes();
    let message = at_most(swapped, 128, hint);
    refused(&site, swapped.to_ne_bytes(), address, &message);
    daemon.stop();
    let site = blocks();
    let daemon = start(&site, "");
    refused(
        &site,
        33_u32.to_ne_bytes(),
        "c0000207",
        &at_most(33, 32, ""),
    );
    daemon.stop();
}

#[test]
fn full_map_refuses_and_keeps_what_it_has() {
    let site = blocks();
    let daemon = start(&site, "");
    for key in ["192.0.2.1", "192.0.2.2"] {
        site.decide(&["add", "@few", key, "action=BLOCK_DROP"])
            .expect(0, &[]);
    }
    site.decide(&["add", "@few", "192.0.2.3", "action=BLOCK_DROP"])
        .expect(
            69,
            &["corexdp: add: few is full; it has room for 2 entries"],
        );
    site.decide(&["add", "@few", "192.0.2.2", "action=BLOCK_PASS"])
        .expect(0, &[]);
    assert_eq!((entries(&site, "few"), kept(&site).len()), (2, 2));
    daemon.stop();
}

#[test]
fn decisions_are_bounded() {
    let site = blocks();
    let daemon = start(&site, "");
    let mut text = String::new();
    for n in 0..65_537_u32 {
        let [_, b, c, d] = n.to_be_bytes();
        writeln!(text, "@hosts 10.{b}.{c}.{d} action=BLOCK_DROP").unwrap();
    }
    let outcome = support::net::finish_with(&mut site.deciding(&["add", "-"]), &text);
    outcome.expect(
        69,
        &["-:65537: hosts has 65536 decisions; build with a larger COREXDP_MAX_DECISIONS"],
    );
    assert_eq!(
        (entries(&site, "hosts"), kept(&site).len()),
        (65_536, 65_536)
    );
    daemon.stop();
}
