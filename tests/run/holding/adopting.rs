//! A held filter is adopted, changed or released by the next daemon.

use nix::sys::signal::Signal;

use super::{Held, NEW, OLD, corefile, other};
use crate::packet;
#[cfg(feature = "faults")]
use support::net::Daemon;
use support::net::{CLIENT, SERVER, detach_link};

/// However the daemon ends; SIGKILL leaves it no time to do anything.
#[test]
fn a_held_filter_is_adopted_with_its_counters() {
    let held = Held::new();
    let mut daemon = held.start(&corefile(OLD, "exit hold"));
    let filter = held.site.filter();
    for (round, signal) in [Signal::SIGTERM, Signal::SIGKILL].into_iter().enumerate() {
        let so_far = 4 * round as u64;
        held.drops("10.11.0.1", so_far);
        if signal == Signal::SIGTERM {
            assert_eq!(
                daemon.stop().last().unwrap(),
                "stopped by SIGTERM, held filters stay"
            );
        } else {
            daemon.kill();
        }
        assert_eq!(held.site.filter(), filter);
        // Nobody is there to see these dropped.
        held.site.sender().send(&packet("10.11.0.1"), 2);
        daemon = held.start(&corefile(OLD, "exit hold"));
        daemon.line(&format!(
            "edge0: adopted xdp_prog (id {}), attached in native mode, with its counters",
            filter.id
        ));
        assert_eq!(held.site.filter(), filter);
        held.site.metric_becomes("coredns_ebpf_dropped", so_far + 4);
        assert_eq!(held.pins(), (1, true));
    }
    daemon.stop();
}

/// Somebody detached the pinned link. It is pinned again for the next daemon, at the latest when this one ends.
#[test]
fn a_detached_filter_is_held_again() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.drops("10.11.0.1", 0);
    let filter = held.site.filter();
    detach_link(&filter);
    held.site.ask(&["status"]).expect(0, &[]);
    assert_eq!(
        (held.site.filter(), held.pins()),
        (filter.clone(), (1, true))
    );
    detach_link(&filter);
    daemon.stop();
    assert_eq!(
        (held.site.filter(), held.pins()),
        (filter.clone(), (1, true))
    );
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 2);
    daemon.stop();
}

#[test]
fn changed_corefile_replaces_the_held_filter() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    let daemon = held.start(&corefile(NEW, "exit hold"));
    assert_ne!(held.site.filter().id, filter.id);
    held.drops("10.12.0.1", 0);
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
}

#[test]
fn exit_detach_releases_the_held_filter() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let daemon = held.start(&corefile(OLD, "exit detach"));
    held.drops("10.11.0.1", 0);
    assert_eq!(held.pins(), (0, false));
    daemon.stop();
    assert_eq!(held.site.attached(), None);
}

#[test]
fn reload_pins_and_unpins() {
    let held = Held::new();
    held.site.add_other_object();
    let daemon = held.start(&corefile(OLD, ""));
    let mut reloads = 0;
    let mut reload = |corefile: &str| {
        held.site.folder.write("Corefile", corefile);
        daemon.signal(Signal::SIGHUP);
        daemon.nth_line(reloads, "reload: done");
        reloads += 1;
    };
    for (text, pins) in [
        (corefile(OLD, "exit hold"), (1, true)),
        (corefile(NEW, "exit hold"), (1, true)),
        (other(NEW, "exit hold"), (1, true)),
        (corefile(NEW, "exit hold\nmode generic"), (1, true)),
        (corefile(NEW, "mode generic"), (0, false)),
        (corefile(OLD, "exit hold"), (1, true)),
        (". {\n prometheus\n}\n".to_owned(), (0, false)),
    ] {
        reload(&text);
        assert_eq!(held.pins(), pins, "{text}");
    }
    assert_eq!(held.site.attached(), None);
    daemon.stop();
}

/// Counters go on over reload and restart where the entry is the same.
#[test]
fn entries_that_a_reload_changed_are_adopted() {
    let held = Held::new();
    let more = |network: &str| {
        let more = format!("map {network}.FFFF0000.00000000\n    exit hold");
        corefile(OLD, &more)
    };
    let daemon = held.start(&more("0A0D0000"));
    held.drops("10.11.0.1", 0);
    let filter = held.site.filter();
    held.site.folder.write("Corefile", &more(NEW));
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
    let daemon = held.start(&more(NEW));
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 2);
    daemon.stop();
}

#[test]
fn a_refused_start_leaves_the_held_filter_as_it_is() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    let text = corefile(NEW, "exit hold") + ":2 {\nebpf {\nif edge1\nelf example.o\n}\n}\n";
    held.refused(&text).refuses(69, &["edge1"]);
    assert_eq!(held.site.filter(), filter);
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 0);
    daemon.stop();
}

#[test]
fn an_interface_that_returns_is_held_again() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.drops("10.11.0.1", 0);
    held.site.server.run("ip link delete edge0");
    daemon.line("warning: edge0: the interface has gone");
    held.site.add_wire(SERVER, CLIENT);
    daemon.line("edge0: attached again in native mode");
    daemon.stop();
    let filter = held.site.filter();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 2);
    daemon.stop();
}

/// Kernels before 5.9 have no links for XDP; there the program stays unless it is taken away.
#[cfg(feature = "faults")]
#[test]
fn without_links_it_is_held_over_netlink() {
    let held = Held::new();
    let start = |exit: &str| {
        held.site.folder.write("Corefile", &corefile(OLD, exit));
        let mut command = held.site.command("run", &[]);
        command.env("COREXDP_FAULT", "link_create:EINVAL");
        let mut command = held.among(&command);
        let spawn = || Daemon::spawn(&mut command);
        held.site.server.enter(spawn).attached(1)
    };
    let daemon = start("exit hold");
    held.drops("10.11.0.1", 0);
    daemon.stop();
    let filter = held.site.filter();
    let daemon = start("exit hold");
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 2);
    daemon.stop();
    start("exit detach").stop();
    assert_eq!(held.site.attached(), None);
}

/// A filter on an interface that is down is adopted, and replaced, as on one that is up.
#[test]
fn a_filter_is_adopted_on_an_interface_that_is_down() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    held.site.server.run("ip link set edge0 down");
    held.start(&corefile(OLD, "exit hold")).stop();
    assert_eq!(held.site.filter(), filter);
    let daemon = held.start(&corefile(NEW, "exit hold"));
    held.site.server.run("ip link set edge0 up");
    held.drops("10.12.0.1", 0);
    daemon.stop();
    assert_eq!(held.pins(), (1, true));
}
