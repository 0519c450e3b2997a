//! Interfaces that share a name across network namespaces, and interfaces that are renamed.

use nix::sys::signal::Signal;

use super::{Held, NEW, OLD, corefile};
use crate::packet;
use support::net::{Attached, CLIENT, Daemon, Namespace, SERVER};
use support::wait::wait_until;

/// The interfaces have the same name and index, as those of containers have.
#[test]
fn each_namespace_has_its_own_pins() {
    let held = Held::new();
    held.site.server.run("ip link delete edge0");
    let other = Namespace::new();
    let far = held.site.client.name();
    for (namespace, peer) in [(&held.site.server, CLIENT), (&other, "far0")] {
        namespace.run(&format!(
            "ip link add {SERVER} index 77 type veth peer name {peer} netns {far}"
        ));
        namespace.run(&format!("ip link set {SERVER} up"));
        held.site.client.run(&format!("ip link set {peer} up"));
    }
    let text = corefile(OLD, "exit hold");
    let daemon = held.start(&text);
    let spawn = || Daemon::spawn(&mut held.second(&corefile(NEW, "exit hold")));
    let second = other.enter(spawn).attached(1);
    let filters = [
        Attached::on(&held.site.server, SERVER),
        Attached::on(&other, SERVER),
    ];
    assert!(filters.iter().all(Option::is_some), "{filters:?}");
    held.drops("10.11.0.1", 0);
    daemon.stop();
    second.stop();
    assert_ne!(held.site.server.pins(SERVER), other.pins(SERVER));
    // Each daemon adopts the filter of its own namespace.
    let second = other.enter(spawn).attached(1);
    let daemon = held.start(&text);
    assert_eq!(
        filters,
        [
            Attached::on(&held.site.server, SERVER),
            Attached::on(&other, SERVER)
        ]
    );
    held.drops("10.11.0.1", 2);
    for lines in [daemon.stop(), second.stop()] {
        assert!(
            !lines.iter().any(|line| line.contains("warning")),
            "{lines:#?}"
        );
    }
    // The pins of a removed namespace filter nothing.
    let pins = other.pins(SERVER);
    drop(other);
    let name = pins.file_name().unwrap().to_str().unwrap();
    // The kernel removes the interfaces of a namespace asynchronously.
    wait_until("the pins of the namespace are removed", || {
        held.start(&text).stop();
        let names = held.names();
        if names.iter().any(|path| path.contains(name)) {
            Err(names)
        } else {
            Ok(())
        }
    });
}

/// Without a daemon the pins keep the old name; the next daemon finds the filter by its interface.
#[test]
fn renamed_interface_keeps_its_filter() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    for line in ["down", "name lan0", "up"] {
        held.site
            .server
            .run(&format!("ip link set edge0 {line}").replace("edge0 up", "lan0 up"));
    }
    held.site.sender().send(&packet("10.11.0.1"), 2);
    let text = corefile(OLD, "exit hold").replace("edge0", "lan0");
    let daemon = held.start(&text);
    assert_eq!(Attached::on(&held.site.server, "lan0").unwrap(), filter);
    held.site.metric_becomes("coredns_ebpf_dropped", 2);
    daemon.stop();
    assert!(
        held.site
            .server
            .pins("lan0")
            .file_name()
            .is_some_and(|name| {
                held.names()
                    .contains(&format!("./{}", name.to_str().unwrap()))
            })
    );
}

/// A new interface has the former name of an interface that is still filtered.
#[test]
fn filter_of_a_renamed_interface_does_not_block_a_new_one() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    for line in ["edge0 down", "edge0 name lan0", "lan0 up"] {
        held.site.server.run(&format!("ip link set {line}"));
    }
    held.site.client.run("ip link set cli0 name old0");
    held.site.add_wire(SERVER, CLIENT);
    let daemon = held.start(&corefile(NEW, "exit hold"));
    daemon.line("warning: edge0: an earlier daemon left a filter that is now on another interface; its pins are moved to ");
    daemon.line(
        "warning: lan0: an earlier daemon left a filter in place that this Corefile does not name",
    );
    assert_eq!(Attached::on(&held.site.server, "lan0").unwrap(), filter);
    held.drops("10.12.0.1", 0);
    daemon.stop();
    let daemon = held.start(&corefile(OLD, "exit hold").replace("edge0", "lan0"));
    assert_eq!(Attached::on(&held.site.server, "lan0").unwrap(), filter);
    daemon.line("warning: edge0: an earlier daemon left a filter in place");
    daemon.stop();
}

#[test]
fn alternative_name_finds_the_filter() {
    let held = Held::new();
    held.site
        .server
        .run("ip link property add dev edge0 altname up.link");
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    let text = corefile(OLD, "exit hold").replace("edge0", "up.link");
    let daemon = held.start(&text);
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 0);
    // The interface has the same owner under either name.
    let outcome = held
        .site
        .finish(&mut held.second(&corefile(OLD, "exit hold")));
    let owner = format!(
        "interface edge0 is filtered by another corexdp, process {}",
        daemon.pid()
    );
    outcome.refuses(69, &[&owner]);
    daemon.stop();
}

/// A daemon that died before it attached a filter has left pins under the other name.
#[test]
fn stale_pins_do_not_hide_the_filter() {
    let held = Held::new();
    let server = &held.site.server;
    server.run("ip link property add dev edge0 altname uplink");
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    let stale = server.pins("uplink").display().to_string();
    held.sh(&format!("mkdir -m 700 {stale} {stale}/0123456789abcdef"));
    let daemon = held.start(&corefile(OLD, "exit hold").replace("edge0", "uplink"));
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 0);
    daemon.stop();
}

#[test]
fn two_names_of_one_interface_are_refused() {
    let held = Held::new();
    let server = &held.site.server;
    server.run("ip link property add dev edge0 altname up.link");
    for exit in ["exit hold", ""] {
        let text = corefile(OLD, exit);
        let both = text.clone()
            + &text
                .replace("edge0", "up.link")
                .replace("prometheus", "")
                .replace("metric dropped", "metric other");
        let refusal = "if: up.link is another name of interface edge0, which an earlier block names; use one name in all blocks of an interface";
        held.refused(&both).refuses(78, &["Corefile:14: ", refusal]);
        assert_eq!(held.site.attached(), None);
        let daemon = held.start(&text);
        let filter = held.site.filter();
        held.site.folder.write("Corefile", &both);
        daemon.signal(Signal::SIGHUP);
        daemon.line(refusal);
        assert_eq!(held.site.filter(), filter);
        daemon.stop();
        // The refusal is the same with a filter of an earlier daemon.
        held.refused(&both).refuses(78, &["Corefile:14: ", refusal]);
        held.start(&corefile(OLD, "")).stop();
    }
}
