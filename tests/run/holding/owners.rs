//! A running daemon owns the filters that it holds.

use nix::sys::signal::Signal;

use super::{Held, NEW, OLD, corefile, other};
use support::net::{Attached, CLIENT, Daemon, SERVER};
use support::wait::wait_for;

#[test]
fn second_daemon_is_refused() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.is_owned_by(&daemon);
    held.drops("10.11.0.1", 0);
    daemon.stop();
    // A daemon that adopts a filter owns it.
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.is_owned_by(&daemon);
    held.drops("10.11.0.1", 2);
    daemon.stop();
}

#[test]
fn reload_keeps_ownership() {
    let held = Held::new();
    held.site.add_other_object();
    let daemon = held.start(&corefile(OLD, ""));
    let texts = [
        corefile(OLD, "exit hold"),
        corefile(NEW, "exit hold"),
        other(NEW, "exit hold"),
        corefile(NEW, "exit hold\nmode generic"),
        corefile(NEW, "mode generic"),
        corefile(OLD, "exit hold"),
    ];
    for (number, text) in texts.iter().enumerate() {
        held.site.folder.write("Corefile", text);
        daemon.signal(Signal::SIGHUP);
        daemon.nth_line(number, "reload: done");
        if text.contains("hold") {
            held.is_owned_by(&daemon);
        }
    }
    // A refused reload changes nothing.
    held.site.folder.write(
        "Corefile",
        &corefile(OLD, "exit hold").replace("edge0", "edge7"),
    );
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: nothing was changed");
    held.is_owned_by(&daemon);
    daemon.stop();
}

#[test]
fn pending_confirmation_keeps_ownership() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let daemon = held.start_with(&corefile(NEW, "exit hold"), &["--confirm", "1m"]);
    held.is_owned_by(&daemon);
    held.site.ask(&["confirm"]).expect(0, &[]);
    held.is_owned_by(&daemon);
    daemon.stop();
}

/// The owner keeps an interface that was removed and has returned.
#[test]
fn returning_interface_is_still_owned() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.site.server.run("ip link delete edge0");
    daemon.line("warning: edge0: the interface has gone");
    held.site.add_wire(SERVER, CLIENT);
    daemon.line("edge0: attached again in native mode");
    held.is_owned_by(&daemon);
    daemon.stop();
}

/// The next daemon may start before the kernel has ended the previous daemon.
#[test]
fn killed_daemon_owns_nothing() {
    let held = Held::new();
    let text = corefile(OLD, "exit hold").replace("prometheus", "");
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    for signal in [Signal::SIGKILL, Signal::SIGTERM]
        .into_iter()
        .cycle()
        .take(10)
    {
        let daemon = held.start(&text);
        daemon.signal(signal);
        let spawn = || Daemon::spawn(&mut held.second(&text));
        let next = held.site.server.enter(spawn).attached(1);
        assert_eq!(held.site.filter(), filter);
        next.stop();
        daemon.ended();
    }
}

/// An owner of other interfaces does not interfere, and is not reported as an earlier daemon.
#[test]
fn daemons_with_other_interfaces_run_side_by_side() {
    let held = Held::new();
    held.site.add_wire("edge1", "far1");
    let daemon = held.start(&corefile(OLD, "exit hold"));
    let text = corefile(OLD, "exit hold").replace("edge0", "edge1");
    let spawn = || Daemon::spawn(&mut held.second(&text));
    let second = held.site.server.enter(spawn).attached(1);
    held.is_owned_by(&daemon);
    let lines = second.stop();
    assert!(
        !lines.iter().any(|line| line.contains("warning")),
        "{lines:#?}"
    );
    // The second daemon has ended, so it is an earlier daemon now.
    let lines = held.restart(daemon, &corefile(OLD, "exit hold"));
    let folder = held.site.server.pins("edge1");
    let advice = format!(
        "edge1: an earlier daemon left a filter in place that this Corefile does not name; `rm -r {}` ends it",
        folder.display()
    );
    assert!(
        lines.iter().any(|line| line.contains(&advice)),
        "{lines:#?}"
    );
    held.sh(&format!("rm -r {}", folder.display()));
    wait_for("the program of edge1", &None, || {
        Attached::on(&held.site.server, "edge1")
    });
}
