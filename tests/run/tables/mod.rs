//! A table that changes under packets: whole lists by reloads, and single networks by decisions. A model tells which
//! sources every version of the list drops or passes; none of their packets may meet another verdict.
//!
//! The list has [`NETWORKS`] networks or names, or `COREXDP_NETWORKS`; there are [`LISTS`] lists, or `COREXDP_LISTS`, and for each list
//! [`CHANGES`] decisions, or `COREXDP_CHANGES`.

mod growth;
mod names;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use support::net::{Daemon, Site};
use support::objects::random::Random;
use support::packets::frame;
use support::wait::{End, wait_until};

const NETWORKS: usize = 20_000;
const LISTS: usize = 5;
const CHANGES: usize = 20;
/// Number of sources whose packets are sent.
const SOURCES: usize = 2_000;

fn setting(name: &str, default: usize) -> usize {
    let parse = |text: String| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number"))
    };
    std::env::var(name).map_or(default, parse)
}

/// An IPv4 network as its first address and its length.
type Network = (u32, u32);

const fn mask(length: u32) -> u32 {
    match length {
        0 => 0,
        _ => u32::MAX << (32 - length),
    }
}

fn text((address, length): Network) -> String {
    format!("{}/{length}", std::net::Ipv4Addr::from_bits(address))
}

fn below(random: &mut Random, end: u32) -> u32 {
    let end = usize::try_from(end).unwrap();
    u32::try_from(random.below(end)).unwrap()
}

/// Networks like those that the Internet has, in 1.0.0.0 to 100.255.255.255.
fn network(random: &mut Random) -> Network {
    let length = match random.below(100) {
        0 => 8 + random.below(8),
        1..10 => 16 + random.below(4),
        10..40 => 20 + random.below(4),
        40..90 => 24,
        _ => 25 + random.below(8),
    };
    let length = u32::try_from(length).unwrap();
    let address = below(random, 100 << 24) + (1 << 24);
    (address & mask(length), length)
}

/// The lengths of networks that contain an address, with their verdict, in one version of the list.
#[derive(Default)]
struct Model(HashMap<Network, bool>);

impl Model {
    fn new(list: impl Iterator<Item = Network>, allow: &[Network]) -> Self {
        // Entries of lines come before those of lists.
        let is_free = |(address, length): &Network| {
            let inside = |(from, bits): &Network| length >= bits && address & mask(*bits) == *from;
            !allow.iter().any(inside)
        };
        let mut model = Self(
            list.filter(is_free)
                .map(|network| (network, true))
                .collect(),
        );
        model
            .0
            .extend(allow.iter().map(|network| (*network, false)));
        model
    }

    /// True if the longest network drops the address.
    fn drops(&self, address: u32) -> bool {
        let networks = (0..=32)
            .rev()
            .map(|length| (address & mask(length), length));
        let mut found = networks.filter_map(|network| self.0.get(&network));
        found.next().copied().unwrap_or(false)
    }
}

/// A list of which nine tenths stay, and the sources that all its versions treat alike.
struct Plan {
    pool: Vec<Network>,
    dropped: Vec<u32>,
    passed: Vec<u32>,
}

/// The items of one version of the list.
fn version<T>(pool: &[T], number: usize) -> impl Iterator<Item = &T> {
    let mut random = Random(1 + number as u64);
    let kept = move |(at, item)| (at % 10 != 0 || random.below(2) == 0).then_some(item);
    pool.iter().enumerate().filter_map(kept)
}

/// The networks of `allow` pass, whatever the list has within them.
fn plan(networks: usize, lists: usize, allow: &[Network]) -> Plan {
    let mut random = Random(18);
    let pool: Vec<_> = (0..networks).map(|_| network(&mut random)).collect();
    let candidate = |_| {
        let (first, length) = pool[random.below(pool.len())];
        let within = below(&mut random, 1 << (32 - length));
        // Half of the sources are beside a network.
        (first | within) ^ below(&mut random, 2) << (32 - length)
    };
    let sources: Vec<_> = (0..2 * SOURCES).map(candidate).collect();
    let mut verdicts = vec![[true, true]; sources.len()];
    for number in 0..=lists {
        let model = Model::new(version(&pool, number).copied(), allow);
        for (source, [dropped, passed]) in sources.iter().zip(&mut verdicts) {
            let drops = model.drops(*source);
            *dropped &= drops;
            *passed &= !drops;
        }
    }
    let always = |verdict: usize| {
        let sources = sources.iter().zip(&verdicts);
        let always = sources.filter(move |(_, verdicts)| verdicts[verdict]);
        always
            .map(|(source, _)| *source)
            .take(SOURCES / 2)
            .collect()
    };
    let (dropped, passed) = (always(0), always(1));
    Plan {
        pool,
        dropped,
        passed,
    }
}

fn lines(networks: impl Iterator<Item = Network>) -> String {
    networks.map(|network| text(network) + "\n").collect()
}

fn corefile(allow: &[Network]) -> String {
    let mut lines = String::new();
    for network in allow {
        let _ = writeln!(lines, "    entry {} action=ACL_PASS", text(*network));
    }
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf acl.o\n{lines}    list feed action=ACL_DROP at-least 1\n  }}\n}}\n"
    )
}

/// Number of packets of a program with this verdict.
fn verdict(site: &Site, program: &str, verdict: &str) -> u64 {
    let page = site.get("/metrics").body;
    let name = format!(
        "corexdp_packets_total{{interface=\"edge0\",program=\"{program}\",verdict=\"{verdict}\"}}"
    );
    support::net::sample(&page, &name).unwrap().parse().unwrap()
}

/// Checks that the program dropped and passed what was sent, and prints the numbers after `what`.
fn check_verdicts(site: &Site, program: &str, [dropped, passed]: [u64; 2], what: &str) {
    println!("{what}; dropped {dropped}, passed {passed}");
    assert_eq!(verdict(site, program, "drop"), dropped);
    // The kernel's own frames on the veth pair pass too.
    assert!(verdict(site, program, "pass") >= passed);
}

#[test]
fn no_packet_meets_a_table_half_changed() {
    let (networks, lists) = (
        setting("COREXDP_NETWORKS", NETWORKS),
        setting("COREXDP_LISTS", LISTS),
    );
    let changes = setting("COREXDP_CHANGES", CHANGES);
    let allow = [(20 << 24, 9), (33 << 24 | 77 << 16, 17)];
    let plan = plan(networks, lists, &allow);
    let site = Site::new();
    site.folder.shipped("acl");
    site.folder
        .write("feed", &lines(version(&plan.pool, 0).copied()));
    let daemon = site.run(&corefile(&allow)).attached(1);
    let (done, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let end = End(&done);
        scope.spawn(|| send_all(&site, &plan, &done, &rounds));
        let mut random = Random(7);
        for number in 1..=lists {
            change(&site, &daemon, &mut random, changes, &rounds);
            site.folder
                .write("feed", &lines(version(&plan.pool, number).copied()));
            site.ask(&["reload"]).expect(0, &[]);
        }
        drop(end);
    });
    let rounds = rounds.into_inner();
    let sent = [&plan.dropped, &plan.passed].map(|sources| sources.len() as u64 * rounds);
    let decisions = lists * changes;
    let what = format!("{networks} networks, {lists} lists and {decisions} decisions");
    check_verdicts(&site, "acl", sent, &what);
    daemon.stop();
}

/// Sends a packet of each source, again and again.
fn send_all(site: &Site, plan: &Plan, done: &AtomicBool, rounds: &AtomicU64) {
    let sender = site.sender();
    let sources = plan.dropped.iter().chain(&plan.passed);
    let source = |address: &u32| std::net::Ipv4Addr::from_bits(*address).to_string();
    let frames: Vec<_> = sources
        .map(|address| frame::ip4(&source(address)).udp(53).bytes)
        .collect();
    while !done.load(Ordering::Relaxed) {
        for frame in &frames {
            sender.send(frame, 1);
        }
        rounds.fetch_add(1, Ordering::Relaxed);
    }
}

/// Adds and deletes decisions about networks of which no packet is sent, while packets are sent.
fn change(site: &Site, daemon: &Daemon, random: &mut Random, changes: usize, rounds: &AtomicU64) {
    let mut batch = String::new();
    for _ in 0..changes / 2 {
        // 101.0.0.0/8 and above have no sources.
        let address = 101 << 24 | below(random, 1 << 24);
        let network = text((address & mask(24), 24));
        let _ = writeln!(batch, "{network} action=ACL_DROP for 1h\ndelete {network}");
    }
    let outcome = support::net::finish_with(&mut site.deciding(&["add", "-"]), &batch);
    outcome.expect(0, &[]);
    wait_for_round(daemon, rounds);
}

/// Waits until packets of all sources were sent.
fn wait_for_round(daemon: &Daemon, rounds: &AtomicU64) {
    let before = rounds.load(Ordering::Relaxed);
    wait_until("all sources send", || {
        let now = rounds.load(Ordering::Relaxed);
        if now > before {
            Ok(())
        } else {
            Err((now, daemon.lines()))
        }
    });
}
