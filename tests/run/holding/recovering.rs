//! Pins that were changed, removed or left behind.

use nix::sys::signal::Signal;

use super::{Held, NEW, OLD, corefile};
#[cfg(feature = "faults")]
use support::net::Daemon;
use support::net::{Attached, CLIENT, SERVER};
use support::wait::wait_for;

/// A daemon that dies while it changes entries leaves a state of this name: the entries in its maps are unknown.
#[test]
fn half_changed_entries_are_not_adopted() {
    let held = Held::new();
    let pins = held.folder();
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    held.sh(&format!(
        "mv {pins}/????????????????-*  {pins}/ffffffffffffffff-1"
    ));
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_ne!(held.site.filter().id, filter.id);
    held.drops("10.11.0.1", 0);
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
}

/// The pins are removed while the daemon runs. The daemon creates them again before it ends.
#[test]
fn removed_pins_are_created_again_at_exit() {
    let held = Held::new();
    for removed in ["*", "*/link"] {
        let daemon = held.start(&corefile(OLD, "exit hold"));
        let filter = held.site.filter();
        held.sh(&format!("rm -r /sys/fs/bpf/corexdp/{removed}"));
        assert_eq!(
            daemon.stop().last().unwrap(),
            "stopped by SIGTERM, held filters stay"
        );
        assert_eq!(held.site.filter(), filter, "{removed}");
        assert_eq!(held.pins(), (1, true), "{removed}");
    }
}

#[test]
fn pins_of_a_removed_interface_are_replaced() {
    for exit in ["exit hold", ""] {
        let held = Held::new();
        held.start(&corefile(OLD, "exit hold")).stop();
        held.site.server.run("ip link delete edge0");
        held.site.add_wire(SERVER, CLIENT);
        let daemon = held.start(&corefile(OLD, exit));
        daemon.line("warning: edge0: the interface that an earlier daemon filtered has gone");
        held.drops("10.11.0.1", 0);
        assert_eq!(
            held.pins(),
            if exit.is_empty() {
                (0, false)
            } else {
                (1, true)
            }
        );
        daemon.stop();
    }
}

/// Pins of a filter that no Corefile names would keep its maps in memory.
#[test]
fn pins_without_an_interface_are_removed() {
    let held = Held::new();
    held.site.add_wire("edge1", "far1");
    held.start(&corefile(OLD, "exit hold").replace("edge0", "edge1"))
        .stop();
    held.site.server.run("ip link delete edge1");
    let daemon = held.start(&corefile(OLD, ""));
    assert_eq!(held.names(), [""; 0]);
    daemon.stop();
}

/// Runs the shell command `damage` in the folder of a held filter's pins. The link stays, so no packet passes
/// unfiltered.
fn recovers(damage: &str, warning: &str) -> Held {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let (link, pins) = (held.link(), held.folder());
    held.sh(&format!("cd {pins} && {damage}"));
    let daemon = held.start(&corefile(OLD, "exit hold"));
    daemon.line(warning);
    assert_eq!(daemon.lines_with("warning").len(), 1, "{damage}");
    assert_eq!(held.link(), link, "{damage}");
    held.drops("10.11.0.1", 0);
    assert_eq!(held.pins(), (1, true), "{damage}");
    daemon.stop();
    let filter = held.site.filter();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_eq!(held.site.filter(), filter, "{damage}");
    held.drops("10.11.0.1", 2);
    daemon.stop();
    held
}

#[test]
fn missing_map_pin_is_recovered() {
    recovers(
        "rm ????????????????-*/0",
        "warning: edge0: map xdp_map cannot be adopted, so the filter is replaced: ",
    );
}

#[test]
fn wrong_map_pin_is_recovered() {
    recovers(
        "rm ????????????????-*/0 && bpftool map create $(echo ????????????????-*)/0 type array key 4 value 4 entries 1 name alien",
        "warning: edge0: map xdp_map cannot be adopted, so the filter is replaced: ",
    );
}

#[test]
fn missing_program_pin_is_recovered() {
    recovers(
        "rm ????????????????-*/program",
        "lacks the pin of the program, so the filter is replaced",
    );
}

#[test]
fn missing_states_are_recovered() {
    recovers(
        "rm -r ????????????????-*",
        "lacks the pin of the program, so the filter is replaced",
    );
}

#[test]
fn foreign_names_among_the_pins_are_ignored() {
    let damage = "mkdir other && bpftool map create other/map type array key 4 value 4 entries 1 name alien && mkdir -p $(echo ????????????????-*)/more/below";
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let (filter, pins) = (held.site.filter(), held.folder());
    held.sh(&format!("cd {pins} && {damage}"));
    let daemon = held.start(&corefile(OLD, "exit hold"));
    daemon.line(&format!(
        "warning: edge0: {pins}/other is not corexdp's, and is ignored"
    ));
    assert_eq!(held.site.filter(), filter);
    daemon.stop();
    // Removing a state removes all of its content.
    let daemon = held.start(&corefile(NEW, "exit hold"));
    held.drops("10.12.0.1", 0);
    assert_eq!(held.pins(), (1, true));
    assert_eq!(
        daemon.lines_with("cannot remove the pins of an earlier state"),
        [""; 0]
    );
    held.sh(&format!("test -e {pins}/other/map"));
    daemon.stop();
}

/// A foreign pin at the path of the attachment is not removed.
#[test]
fn foreign_attachment_pin_is_moved() {
    let held = Held::new();
    let pins = held.folder();
    held.sh(&format!("mkdir -m 700 /sys/fs/bpf/corexdp {pins}"));
    held.sh(&format!(
        "bpftool map create {pins}/link type array key 4 value 4 entries 1 name alien"
    ));
    let daemon = held.start(&corefile(OLD, "exit hold"));
    let (_, line) = daemon.line("warning: edge0: the pin of the attachment is not an XDP link");
    let (_, moved) = line.rsplit_once(' ').unwrap();
    held.sh(&format!("bpftool map show pinned {moved}/link"));
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
}

/// The pins are removed while the daemon runs. The next reload creates them again.
#[test]
fn reload_creates_missing_pins() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    let damages = [
        "rm -r \"$PWD\"",
        "rm link",
        "rm ????????????????-*/0",
        "rm ????????????????-*/program",
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        held.sh(&format!("cd {} && {damage}", held.folder()));
        daemon.signal(Signal::SIGHUP);
        daemon.nth_line(number, "reload: done");
        assert_eq!(held.pins(), (1, true), "{damage}");
        held.sh(&format!("ls {}/????????????????-*/0", held.folder()));
        held.is_owned_by(&daemon);
    }
    let filter = held.site.filter();
    daemon.kill();
    held.start(&corefile(OLD, "exit hold")).stop();
    assert_eq!(held.site.filter(), filter);
}

/// The pin belongs to a filter of another interface, which must stay.
#[test]
fn pin_of_another_link_is_replaced() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, ""));
    held.site.add_wire("edge1", "far1");
    let pins = held.folder();
    daemon.stop();
    held.start(&corefile(OLD, "exit hold").replace("edge0", "edge1"))
        .stop();
    let elsewhere = held.site.server.pins("edge1");
    let elsewhere = elsewhere.display();
    let daemon = held.start(&corefile(OLD, ""));
    held.sh(&format!(
        "mkdir -m 700 {pins} && mv {elsewhere}/link {pins}/link"
    ));
    held.site
        .folder
        .write("Corefile", &corefile(OLD, "exit hold"));
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    daemon.kill();
    held.start(&corefile(OLD, "exit hold")).stop();
    assert!(held.site.attached().is_some());
    assert!(Attached::on(&held.site.server, "edge1").is_some());
}

/// The daemon dies after it pinned the state and before it pins the attachment.
#[test]
fn crash_between_pins_is_recovered() {
    let held = Held::new();
    let pins = held.folder();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.sh(&format!("rm {pins}/link"));
    daemon.kill();
    wait_for("the program of the interface", &None, || {
        held.site.attached()
    });
    assert_eq!(held.pins(), (1, false));
    let daemon = held.start(&corefile(NEW, "exit hold"));
    held.drops("10.12.0.1", 0);
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
}

#[cfg(feature = "faults")]
#[test]
fn refused_reload_leaves_no_pins() {
    let held = Held::new();
    held.site.folder.write("Corefile", &corefile(OLD, ""));
    let mut command = held.site.command("run", &[]);
    command.env("COREXDP_FAULT", "link_update:EPERM");
    let mut command = held.among(&command);
    let spawn = || Daemon::spawn(&mut command);
    let daemon = held.site.server.enter(spawn).attached(1);
    let text = corefile(NEW, "exit hold");
    held.site.folder.write("Corefile", &text);
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: nothing was changed");
    assert_eq!(held.names(), [""; 0]);
    held.drops("10.11.0.1", 0);
    daemon.stop();
}
