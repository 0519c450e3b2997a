//! How long a packet takes, above a program that does nothing. Says what it measures and judges nothing, as other
//! programs may run beside it: `cargo test --test bpf -- --ignored --nocapture how_long`.

use std::path::Path;

use super::filter::Filter;
use super::message::query;
use super::*;

const HUNDRED_THOUSAND: u32 = 100_000;

/// Prints what a program takes for a frame, less what the empty one does.
fn say(what: &str, filter: &Filter, frame: &[u8]) {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pass-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let empty = Filter::of(&crate::objects::compile::compile("pass", &folder));
    std::fs::remove_dir_all(folder).unwrap();
    let (all, least) = (filter.time(frame), empty.time(frame));
    println!("{what}: {:?} above {least:?}", all.saturating_sub(least));
}

#[test]
#[ignore = "measures; run it alone"]
fn how_long_acl_takes() {
    let filter = Filter::load("acl", &[]);
    let frame = ip4("10.0.77.1").udp(53).bytes;
    say("acl, no rules", &filter, &frame);
    for number in 0..HUNDRED_THOUSAND {
        let [_, a, b, c] = number.to_be_bytes();
        filter.entry(&format!("10.{a}.{b}.{c} action=ACL_DROP"));
    }
    say(
        "acl, 100,000 addresses in a row, one of them",
        &filter,
        &frame,
    );
    let frame = ip4("192.0.2.1").udp(53).bytes;
    say("acl, 100,000 addresses, none of them", &filter, &frame);
    let filter = Filter::load("acl", &[]);
    let spread = |number: u32| number.wrapping_mul(0x9e37_79b1) | 0x0100;
    for number in 0..HUNDRED_THOUSAND {
        let [a, b, c, _] = spread(number).to_be_bytes();
        filter.entry(&format!("{a}.{b}.{c}.0/24 action=ACL_DROP"));
    }
    let [a, b, c, d] = spread(4711).to_be_bytes();
    let frame = ip4(&format!("{a}.{b}.{c}.{d}")).udp(53).bytes;
    say(
        "acl, 100,000 networks all over, one of them",
        &filter,
        &frame,
    );
}

#[test]
#[ignore = "measures; run it alone"]
fn how_long_limit_takes() {
    let frame = ip4("10.0.77.1").udp(53).bytes;
    for rule in [
        "0.0.0.0/0 rate=100000000",
        "0.0.0.0/0 source_rate=100000000",
        "0.0.0.0/0 rate=100000000 source_rate=100000000",
        "0.0.0.0/0 rate=100000000 source_rate=100000000 burst=1000",
        "0.0.0.0/0 rate=1 source_rate=1",
    ] {
        let filter = Filter::load("limit", &[rule]);
        say(&format!("limit, {rule}"), &filter, &frame);
    }
}

#[test]
#[ignore = "measures; run it alone"]
fn how_long_dns_takes() {
    let asked = |kind| query("www.some-domain.example", kind).edns(1232, &[]).bytes;
    let frame = ip4("10.0.77.1").datagram(53, &asked(1)).bytes;
    say(
        "dns, no rate, a good query",
        &Filter::load("dns", &[]),
        &frame,
    );
    let filter = Filter::load(
        "dns",
        &["@settings 0 rate=100000000", "255 action=DNS_DROP"],
    );
    say("dns, a rate, a good query", &filter, &frame);
    let six = ip6("2001:db8::1").datagram(53, &asked(1)).bytes;
    say("dns, a rate, a good query over IPv6", &filter, &six);
    let any = ip4("10.0.77.1").datagram(53, &asked(255)).bytes;
    say("dns, a rate, ANY is dropped", &filter, &any);
    let bad = ip4("10.0.77.1")
        .datagram(53, &query("a", 1).with(2, 0x80).bytes)
        .bytes;
    say("dns, a malformed query", &filter, &bad);
}

#[test]
#[ignore = "measures; run it alone"]
fn how_long_qname_takes() {
    let filter = Filter::load("qname", &[]);
    let frame = |name| {
        ip4("10.0.77.1")
            .datagram(53, &query(name, 1).edns(1232, &[]).bytes)
            .bytes
    };
    say(
        "qname, an empty list",
        &filter,
        &frame("www.some-domain.example"),
    );
    for number in 0..HUNDRED_THOUSAND {
        filter.entry(&format!("blocked-{number}.example action=QNAME_DROP"));
    }
    for (what, name) in [
        ("no name of it, two labels", "some-domain.example"),
        ("no name of it, three labels", "www.some-domain.example"),
        ("no name of it, six labels", "a.b.c.www.some-domain.example"),
        ("the name itself", "blocked-4711.example"),
        ("a name below one", "www.blocked-4711.example"),
    ] {
        say(
            &format!("qname, 100,000 names, {what}"),
            &filter,
            &frame(name),
        );
    }
}

#[test]
#[ignore = "measures; run it alone"]
fn how_long_guard_takes() {
    let rules = [
        "198.51.100.0/24 action=ACL_DROP",
        "@limits 0.0.0.0/0 source_rate=100000000",
    ];
    let asked = query("www.some-domain.example", 1).edns(1232, &[]).bytes;
    let filter = Filter::load("guard", &rules);
    say(
        "guard, a good query",
        &filter,
        &ip4("10.0.77.1").datagram(53, &asked).bytes,
    );
    say(
        "guard, a denied query",
        &filter,
        &ip4("198.51.100.1").datagram(53, &asked).bytes,
    );
}
