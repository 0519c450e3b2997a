//! A filter with `exit hold` is adopted, replaced or released by the next daemon.

use nix::sys::signal::Signal;

use super::{Held, NEW, OLD, corefile, other};
use crate::{packet, wall_clock};
#[cfg(feature = "faults")]
use support::net::Daemon;
use support::net::{CLIENT, SERVER, detach_link};
use support::wait::wait_for;

/// SIGTERM lets the daemon finish; SIGKILL gives it no time to do anything.
#[test]
fn held_filter_is_adopted_with_its_counters() {
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
        // No daemon runs while these packets are dropped.
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

#[test]
fn adopted_filter_gets_the_offset_of_the_wall_clock() {
    let held = Held::new();
    held.site.folder.fixture("secrets");
    let corefile = wall_clock::corefile("exit hold");
    let daemon = held.start(&corefile);
    let filter = held.site.filter();
    daemon.stop();
    // As if the clock had been set while no daemon ran.
    wall_clock::map(&held.site).update("00 00 00 00", "01 00 00 00 00 00 00 00");
    let daemon = held.start(&corefile);
    assert_eq!(held.site.filter(), filter);
    assert!(wall_clock::is_right(&held.site));
    daemon.stop();
}

/// The pinned link was detached by another process. The daemon pins a new link before it ends.
#[test]
fn detached_filter_is_pinned_again() {
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

/// A reload and a restart keep the counters of unchanged entries.
#[test]
fn reloaded_entries_are_adopted() {
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
fn refused_start_keeps_the_held_filter() {
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
fn filter_of_a_returning_interface_is_pinned_again() {
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

/// Kernels before 5.9 have no XDP links. There a program attached over netlink stays until it is removed.
#[cfg(feature = "faults")]
#[test]
fn filter_is_held_over_netlink_without_links() {
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

/// The filter is adopted, and then replaced, on an interface that is down.
#[test]
fn filter_is_adopted_on_an_interface_that_is_down() {
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

/// The next daemon deletes the decisions of a held filter when their time is up, and keeps those that have no end.
#[test]
fn decisions_of_a_held_filter_keep_their_end() {
    for (object, action) in [("blocks", "action=BLOCK_DROP"), ("acl", "action=ACL_DROP")] {
        let held = Held::new();
        let site = &held.site;
        if object == "acl" {
            site.folder.shipped(object);
        } else {
            site.folder.fixture(object);
        }
        let corefile = format!(
            ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf {object}.o\n    exit hold\n  }}\n}}\n"
        );
        let daemon = held.start(&corefile);
        for (key, more) in [
            ("192.0.2.0/24", &["for", "2s"][..]),
            ("198.51.100.0/24", &[]),
        ] {
            site.decide(&[&["add", key, action], more].concat())
                .expect(0, &[]);
        }
        let filter = site.filter();
        daemon.kill();
        let daemon = held.start(&corefile);
        assert_eq!(site.filter(), filter);
        let decided = || {
            let text = site.ask(&["dump"]).stdout;
            text.lines()
                .filter(|line| line.contains("# decision"))
                .count()
        };
        wait_for("decisions", &1, decided);
        site.ask(&["test", "198.51.100.7"]).expect(0, &[]);
        site.decide(&["delete", "198.51.100.0/24"]).expect(0, &[]);
        assert_eq!(decided(), 0);
        daemon.stop();
    }
}
