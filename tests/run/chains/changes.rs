//! Reloads of chains: each packet meets the old chain or the new one, and unchanged stages keep programs and counters.

use nix::sys::signal::Signal;

use super::{Stage, corefile, expect, first_received, object, programs, send, site, start};
use crate::packet;
use support::net::{Daemon, Site};

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

/// Each of the chains drops source 9, by another stage at another place, so that a packet of source 9 passes only if it
/// meets a mixture of two chains.
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
    let sender = site.sender();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let frame = packet("10.11.0.9");
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                // The queue of the interface may be full.
                let _ = sender.try_send(&frame);
            }
        });
        for round in 0..40 {
            change(&site, &daemon, chains[round % chains.len()]);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(first_received(&site, &receiver, &[9]), 200);
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
