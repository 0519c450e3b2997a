//! `limit`: so many packets within a second, and no more.

use std::thread::sleep;
use std::time::Duration;

use super::sandbox::{PASS, Sandbox};
use super::subnet::{ANY, IPV4, subnet};
use super::*;

const NET4: &str = "10.11.0.0/255.255.0.0";
const NET6: &str = "fc00:dead:cafe:1::/ffff:ffff:ffff:ffff::";

/// A rule as `bpf/limit.bpf.c` lays it out.
fn rule(limit: u32, family: u32, ip4: &str, ip6: &str) -> Vec<u8> {
    let mut bytes = limit.to_le_bytes().to_vec();
    bytes.extend(subnet(family, ip4, ip6));
    bytes.extend([0; 24]);
    bytes
}

struct State {
    passed: u64,
    dropped: u64,
    packets: u32,
    second: u32,
}

fn state(sandbox: &mut Sandbox, key: u32) -> State {
    let value = sandbox.value(key);
    let wide = |at: usize| u64::from_le_bytes(value[at..at + 8].try_into().unwrap());
    let narrow = |at: usize| u32::from_le_bytes(value[at..at + 4].try_into().unwrap());
    State {
        passed: wide(48),
        dropped: wide(56),
        packets: narrow(64),
        second: narrow(68),
    }
}

/// Sends one packet, then `each` more from each of several processes, until all
/// of that has happened within one second of the program's clock: a packet of
/// the next would have begun a new window.
fn flood_within_a_second(
    sandbox: &mut Sandbox,
    rule: &[u8],
    frame: &[u8],
    each: u32,
    processes: u32,
) -> State {
    for _ in 0..20 {
        sandbox.fill(0, rule);
        assert_eq!(sandbox.verdict(frame), PASS);
        let begun = state(sandbox, 0).second;
        sandbox.flood(frame, each, processes);
        let state = state(sandbox, 0);
        let sent = 1 + u64::from(each) * u64::from(processes);
        assert_eq!(
            state.passed + state.dropped,
            sent,
            "each packet is counted once"
        );
        if state.second == begun {
            return state;
        }
    }
    panic!("this machine is too busy to send {each} packets {processes} times within a second");
}

#[test]
fn a_burst_is_cut_at_the_limit_until_the_next_second() {
    let mut sandbox = Sandbox::load("limit");
    let frame = ip4("10.11.0.1").udp(53).bytes;
    let rule = rule(1000, ANY, NET4, "");
    let state = flood_within_a_second(&mut sandbox, &rule, &frame, 5000, 1);
    assert_eq!(
        (state.passed, state.dropped, state.packets),
        (1000, 4001, 1000)
    );

    sleep(Duration::from_millis(1100));
    assert_eq!(sandbox.verdict(&frame), PASS);
    let next = self::state(&mut sandbox, 0);
    assert_eq!((next.passed, next.packets), (1001, 1));
    assert!(next.second > state.second);
}

/// At the limit each other processor may let one more pass, no more.
#[test]
fn processors_share_one_limit() {
    let mut sandbox = Sandbox::load("limit");
    let frame = ip4("10.11.0.1").udp(53).bytes;
    let rule = rule(100_000, ANY, NET4, "");
    let state = flood_within_a_second(&mut sandbox, &rule, &frame, 500_000, 4);
    assert!(
        (100_000..100_004).contains(&state.passed),
        "{} passed",
        state.passed
    );
    assert_eq!(u64::from(state.packets), state.passed);
}

#[test]
fn no_packet_is_lost_between_processors() {
    let mut sandbox = Sandbox::load("limit");
    sandbox.fill(0, &rule(u32::MAX, ANY, NET4, ""));
    sandbox.flood(&ip4("10.11.0.1").udp(53).bytes, 1_000_000, 4);
    let state = state(&mut sandbox, 0);
    assert_eq!((state.passed, state.dropped), (4_000_000, 0));
}

#[test]
fn what_is_no_ip_packet_has_no_limit() {
    let mut sandbox = Sandbox::load("limit");
    sandbox.fill(0, &rule(1, ANY, "", ""));
    for frame in [
        Frame::raw(ETH_P_ARP, &[0; 28]),
        ip4("10.11.0.1").udp(53).with(14, 0x44),
        ip6("fe80::1").udp(53).with(14, 0x40),
    ] {
        let cuts = frame.cuts();
        assert_eq!(sandbox.verdicts(&cuts), vec![PASS; cuts.len()]);
    }
    let state = state(&mut sandbox, 0);
    assert_eq!((state.passed, state.dropped), (0, 0));
}

#[test]
fn the_first_rule_that_speaks_of_the_source_counts_it() {
    let mut sandbox = Sandbox::load("limit");
    for (key, rule) in (0..).zip([
        rule(1_000_000, ANY, NET4, ""),
        rule(1_000_000, ANY, "", NET6),
        rule(1_000_000, IPV4, "", ""),
        rule(0, ANY, "", ""),
        rule(1, ANY, "", ""),
    ]) {
        sandbox.fill(key, &rule);
    }
    let mut expected = [0; 5];
    for (frame, counted) in [
        (ip4("10.11.0.1").udp(53), Some(0)),
        (ip4("10.11.255.1").fragment4(0x00b9).tcp(53), Some(0)),
        (ip6("fc00:dead:cafe:1::1").tag(ETH_P_8021Q).udp(53), Some(1)),
        (ip4("10.12.0.1").options(10).udp(53), Some(2)),
        (ip6("fc00:dead:cafe:2::1").udp(53), None),
        (ip6("fe80::1").carrying(ICMPV6, &[135; 24]), None),
        (Frame::raw(ETH_P_ARP, &[0; 28]), None),
    ] {
        let cuts = frame.cuts();
        assert_eq!(sandbox.verdicts(&cuts), vec![PASS; cuts.len()]);
        if let Some(key) = counted {
            expected[key] += cuts.iter().filter(|cut| cut.len() >= frame.ip_end).count() as u64;
        }
        let passed: [u64; 5] =
            std::array::from_fn(|key| state(&mut sandbox, u32::try_from(key).unwrap()).passed);
        assert_eq!(passed, expected, "{:02x?}", frame.bytes);
    }
}
