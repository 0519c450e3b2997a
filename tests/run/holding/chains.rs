//! `exit hold` holds a whole chain: programs, maps and the order of the stages outlive the daemon.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;

use super::Held;
use crate::chains::{Stage, corefile, expect, first_received, object, programs, send};
use crate::packet;
use support::net::Daemon;

const CHAIN: &[Stage] = &[("a", 1), ("b", 2), ("c", 3)];

fn hold(stages: &[Stage]) -> String {
    corefile(stages, "exit hold")
}

fn start() -> (Held, Daemon) {
    let held = Held::new();
    for name in ["a", "b", "c"] {
        object(&held.site, name, &[]);
    }
    for namespace in [&held.site.server, &held.site.client] {
        namespace.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1");
    }
    let daemon = held.start(&hold(CHAIN));
    (held, daemon)
}

#[test]
fn held_chain_is_adopted_with_its_counters() {
    let (held, mut daemon) = start();
    let before = programs(&held.site);
    for (round, signal) in (1..).zip([Signal::SIGTERM, Signal::SIGKILL]) {
        if signal == Signal::SIGTERM {
            daemon.stop();
        } else {
            daemon.kill();
        }
        // No daemon runs while these packets meet the chain.
        for last in 1..=3 {
            send(&held.site, last, 5);
        }
        daemon = held.start(&hold(CHAIN));
        daemon.line("with its counters");
        assert_eq!(programs(&held.site), before);
        expect(
            &held.site,
            &[
                ("a", 10 * round, 5 * round),
                ("b", 5 * round, 5 * round),
                ("c", 0, 5 * round),
            ],
        );
        assert_eq!(held.pins(), (3, true));
    }
    daemon.stop();
}

/// The Corefile changed while no daemon ran: stages with the same program and entries keep both.
#[test]
fn changed_chain_keeps_the_held_stages() {
    let (held, daemon) = start();
    send(&held.site, 3, 5);
    expect(&held.site, &[("a", 5, 0), ("b", 5, 0), ("c", 0, 5)]);
    let [a, _, c] = programs(&held.site)[..] else {
        panic!("three stages")
    };
    daemon.stop();
    let daemon = held.start(&hold(&[("a", 1), ("c", 3)]));
    assert_eq!(programs(&held.site), [a, c]);
    expect(&held.site, &[("a", 5, 0), ("c", 0, 5)]);
    assert_eq!(held.pins(), (2, true));
    daemon.stop();
    // A stage behind the last one, and another order.
    let daemon = held.start(&hold(&[("c", 3), ("a", 1), ("b", 7)]));
    send(&held.site, 7, 5);
    expect(&held.site, &[("c", 5, 5), ("a", 10, 0), ("b", 0, 5)]);
    assert_eq!(held.pins(), (3, true));
    daemon.stop();
}

#[test]
fn detached_chain_leaves_no_pin() {
    let (held, daemon) = start();
    daemon.stop();
    let daemon = held.start(&corefile(CHAIN, "exit detach"));
    daemon.stop();
    assert_eq!(held.site.attached(), None);
    assert_eq!(held.pins(), (0, false));
}

/// A daemon that dies during a reload leaves the old chain or the new one, with all its stages.
#[test]
fn chain_survives_a_daemon_that_is_killed_during_reloads() {
    let (held, mut daemon) = start();
    let other: &[Stage] = &[("b", 2), ("c", 3), ("a", 1)];
    for round in 0..8 {
        let next = if round % 2 == 0 { other } else { CHAIN };
        held.site.folder.write("Corefile", &hold(next));
        daemon.signal(Signal::SIGHUP);
        if round % 3 > 0 {
            daemon.line("reload: ");
        }
        daemon.kill();
        let receiver = held.site.receiver();
        for last in 1..=3 {
            send(&held.site, last, 1);
        }
        assert_eq!(first_received(&held.site, &receiver, &[1, 2, 3]), 200);
        daemon = held.start(&hold(next));
        assert_eq!(held.pins(), (3, true));
    }
    daemon.stop();
}

/// Both chains drop source 9, the other chain by another stage at another place. The first stage becomes the last one.
#[test]
fn no_packet_passes_while_the_next_daemon_replaces_the_chain() {
    let (held, mut daemon) = start();
    let chains: [&[Stage]; 2] = [&[("a", 1), ("b", 9)], &[("b", 9), ("c", 3), ("a", 1)]];
    held.site.folder.write("Corefile", &hold(chains[1]));
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    let (sender, receiver) = (held.site.sender(), held.site.receiver());
    let stop = AtomicBool::new(false);
    let daemon = std::thread::scope(|scope| {
        scope.spawn(|| {
            let frame = packet("10.11.0.9");
            while !stop.load(Ordering::Relaxed) {
                // The queue of the interface may be full.
                let _ = sender.try_send(&frame);
            }
        });
        for round in 0..12 {
            if round % 3 == 0 {
                daemon.kill();
            } else {
                daemon.stop();
            }
            daemon = held.start(&hold(chains[round % 2]));
        }
        stop.store(true, Ordering::Relaxed);
        daemon
    });
    assert_eq!(first_received(&held.site, &receiver, &[9]), 200);
    daemon.stop();
}

/// A start that nobody confirms restores the chain that the earlier daemon left, with its counters.
#[test]
fn unconfirmed_start_restores_the_held_chain() {
    let (held, daemon) = start();
    let before = programs(&held.site);
    daemon.stop();
    held.site
        .folder
        .write("Corefile", &hold(&[("c", 3), ("b", 2), ("a", 1)]));
    let mut command = held.among(&held.site.command("run", &["--confirm", "1s"]));
    let outcome = held.site.finish(&mut command);
    assert!(!outcome.stderr.contains("cannot link"), "{outcome:?}");
    let receiver = held.site.receiver();
    for last in 1..=3 {
        send(&held.site, last, 5);
    }
    assert_eq!(first_received(&held.site, &receiver, &[1, 2, 3]), 200);
    let daemon = held.start(&hold(CHAIN));
    daemon.line("with its counters");
    assert_eq!(programs(&held.site), before);
    expect(&held.site, &[("a", 11, 5), ("b", 6, 5), ("c", 1, 5)]);
    daemon.stop();
}
