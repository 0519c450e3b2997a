//! Reloads of chains: each packet meets the old chain or the new one, and unchanged stages keep programs and counters.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;

use super::{
    Stage, corefile, expect, first_received, object, programs, send, site, start, verdicts,
};
use crate::dump::as_json;
use crate::packet;
use support::net::{Daemon, Site};
use support::wait::{End, wait_for};

fn reload(site: &Site, daemon: &Daemon, corefile: &str) {
    let before = daemon.lines_with("reload: done").len();
    site.folder.write("Corefile", corefile);
    daemon.signal(Signal::SIGHUP);
    daemon.nth_line(before, "reload: done");
}

fn change(site: &Site, daemon: &Daemon, stages: &[Stage]) {
    reload(site, daemon, &corefile(stages, ""));
}

#[test]
fn stages_are_added_removed_and_moved() {
    let site = site(&["a", "b", "c"]);
    let daemon = start(&site, &[("a", 1)]);
    send(&site, 2, 10);
    expect(&site, &[("a", 10, 0)]);
    // Behind a program that was loaded as the last one.
    change(&site, &daemon, &[("a", 1), ("b", 2)]);
    send(&site, 2, 10);
    expect(&site, &[("a", 20, 0), ("b", 0, 10)]);
    // Between two stages.
    change(&site, &daemon, &[("a", 1), ("c", 3), ("b", 2)]);
    send(&site, 2, 10);
    send(&site, 3, 10);
    expect(&site, &[("a", 40, 0), ("c", 10, 10), ("b", 0, 20)]);
    // In another order.
    change(&site, &daemon, &[("b", 2), ("c", 3), ("a", 1)]);
    send(&site, 1, 10);
    expect(&site, &[("b", 10, 20), ("c", 20, 10), ("a", 40, 10)]);
    // Removed from the middle, the front and the end.
    change(&site, &daemon, &[("b", 2), ("a", 1)]);
    send(&site, 1, 10);
    expect(&site, &[("b", 20, 20), ("a", 40, 20)]);
    change(&site, &daemon, &[("a", 1)]);
    send(&site, 2, 10);
    expect(&site, &[("a", 50, 20)]);
    change(&site, &daemon, &[("a", 1), ("b", 2), ("c", 3)]);
    change(&site, &daemon, &[("a", 1), ("b", 2)]);
    send(&site, 3, 10);
    expect(&site, &[("a", 60, 20), ("b", 10, 0)]);
    daemon.stop();
}

#[test]
fn unchanged_stages_keep_their_programs() {
    let site = site(&["a", "b", "c", "d"]);
    object(&site, "other", &["-DCALLS"]);
    let daemon = start(&site, &[("a", 1), ("b", 2), ("c", 3), ("d", 4)]);
    let [a, b, c, d] = programs(&site)[..] else {
        panic!("four stages")
    };
    // An entry of a stage changes.
    change(&site, &daemon, &[("a", 1), ("b", 9), ("c", 3), ("d", 4)]);
    assert_eq!(programs(&site), [a, b, c, d]);
    // A stage is replaced.
    change(
        &site,
        &daemon,
        &[("a", 1), ("other", 2), ("c", 3), ("d", 4)],
    );
    let new = programs(&site);
    assert_eq!([new[0], new[2], new[3]], [a, c, d]);
    // A stage is removed.
    change(&site, &daemon, &[("a", 1), ("c", 3), ("d", 4)]);
    assert_eq!(programs(&site), [a, c, d]);
    // The last stage is removed.
    change(&site, &daemon, &[("a", 1), ("c", 3)]);
    assert_eq!(programs(&site), [a, c]);
    daemon.stop();
}

/// Number of reloads under load without the environment variable `COREXDP_RELOADS`.
const RELOADS: usize = 40;

fn reloads() -> usize {
    std::env::var("COREXDP_RELOADS").map_or(RELOADS, |text| {
        text.parse().expect("COREXDP_RELOADS is a number")
    })
}

/// Loads the chains in turn while packets of this source arrive as fast as the interface takes them. Returns the number
/// of these packets.
fn change_under_load(site: &Site, daemon: &Daemon, source: u8, chains: &[&[Stage]]) -> u64 {
    let sender = site.sender();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| {
            let frame = packet(&format!("10.11.0.{source}"));
            let mut sent = 0;
            while !over.load(Ordering::Relaxed) {
                // The queue of the interface may be full.
                sent += u64::from(sender.try_send(&frame).is_ok());
            }
            sent
        });
        let end = End(&over);
        for chain in chains.iter().cycle().take(reloads()) {
            change(site, daemon, chain);
        }
        drop(end);
        sent.join().unwrap()
    })
}

/// Each of the chains drops source 9, by another stage at another place, so that a packet of source 9 passes only if it
/// meets a mixture of two chains, or no chain.
#[test]
fn no_packet_meets_a_mixture_of_two_chains() {
    let site = site(&["a", "b", "c"]);
    let chains: [&[Stage]; 8] = [
        &[("a", 9)],
        &[("a", 1), ("b", 9)],
        &[("a", 9), ("b", 1), ("c", 2)],
        &[("b", 1), ("a", 2), ("c", 9)],
        &[("c", 9), ("b", 1), ("a", 2)],
        &[("b", 9), ("c", 2)],
        &[("b", 9), ("c", 2), ("a", 3)],
        &[("c", 2), ("a", 9)],
    ];
    let daemon = start(&site, chains[0]);
    let receiver = site.receiver();
    let sent = change_under_load(&site, &daemon, 9, &chains);
    assert_eq!(first_received(&site, &receiver, &[9]), 200);
    println!("{} reloads, {sent} packets dropped", reloads());
    daemon.stop();
}

/// The stage keeps its counters where programs before it, behind it, and on both sides are replaced, added and removed.
#[test]
fn stage_counts_each_packet_while_its_neighbours_change() {
    let site = site(&["a", "c", "kept"]);
    // Other code than that of `a`, so that `b` is not `a` renamed.
    object(&site, "b", &["-DCALLS"]);
    let chains: [&[Stage]; 8] = [
        &[("kept", 200)],
        &[("a", 1), ("kept", 200)],
        &[("b", 1), ("kept", 200)],
        &[("b", 1), ("kept", 200), ("c", 2)],
        &[("a", 1), ("kept", 200), ("b", 2)],
        &[("a", 1), ("b", 2), ("kept", 200)],
        &[("kept", 200), ("a", 1), ("c", 3)],
        &[("kept", 200), ("c", 3), ("a", 4)],
    ];
    let daemon = start(&site, chains[0]);
    let sent = change_under_load(&site, &daemon, 9, &chains);
    let kept = || {
        let mut stages = verdicts(&site).into_iter();
        stages.find(|(name, ..)| name == "kept")
    };
    let expected = Some(("kept".to_owned(), sent, 0));
    wait_for("packets passed and dropped", &expected, kept);
    let maps = as_json(&site);
    let mut maps = maps.as_array().unwrap().iter();
    let map = maps.find(|map| map["entries"][0]["fields"]["drops"] == 200);
    let met = &map.unwrap()["entries"][0]["fields"]["met"];
    // The program counts in 32 bits.
    assert_eq!(met.as_u64(), Some(sent % (1 << 32)));
    println!("{} reloads, {sent} packets counted", reloads());
    daemon.stop();
}

#[test]
fn refused_reload_leaves_the_chain() {
    let site = site(&["a", "b"]);
    site.folder.fixture("unverifiable");
    let daemon = start(&site, &[("a", 1), ("b", 2)]);
    let before = programs(&site);
    let text = corefile(&[("a", 3), ("b", 2)], "");
    let text = text.strip_suffix("}\n").unwrap();
    site.folder.write(
        "Corefile",
        &format!("{text}ebpf {{\nif edge0\nelf unverifiable.o\n}}\n}}\n"),
    );
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: nothing was changed");
    assert_eq!(programs(&site), before);
    send(&site, 1, 5);
    send(&site, 2, 5);
    send(&site, 3, 5);
    expect(&site, &[("a", 10, 5), ("b", 5, 5)]);
    daemon.stop();
}

#[test]
fn unconfirmed_chain_is_rolled_back() {
    let site = site(&["a", "b", "c"]);
    let daemon = start(&site, &[("a", 1), ("b", 2)]);
    let before = programs(&site);
    for new in [
        &[("a", 4), ("b", 2)][..],
        &[("a", 1), ("c", 2), ("b", 5)],
        &[("b", 2), ("a", 1)],
        &[("a", 1)],
    ] {
        site.folder.write("Corefile", &corefile(new, ""));
        let rolled_back = daemon.lines_with("not confirmed in time").len();
        site.ask(&["reload", "--confirm", "1s"]).expect(0, &[]);
        daemon.nth_line(rolled_back, "not confirmed in time");
        assert_eq!(programs(&site), before, "{new:?}");
    }
    for last in 1..=5 {
        send(&site, last, 5);
    }
    expect(&site, &[("a", 20, 5), ("b", 15, 5)]);
    daemon.stop();
}
