//! Interfaces that are removed, recreated or changed: the filter follows the name, and its counters continue.

use std::time::{Duration, Instant};

use crate::packet;
use support::net::{Attached, CLIENT, Daemon, GENERIC, NATIVE, Namespace, SERVER, Site};
use support::wait::{prompt, wait_for, wait_until};

const COREFILE: &str = ". {
  prometheus
  ebpf {
    if edge0
    elf example.o
    map 0A0B0000.FFFF0000.00000000
    metric dropped 00000000 8 4 \"Dropped.\"
  }
}
";

/// Longest time from the return of an interface to its filter.
const PROMPT: Duration = Duration::from_millis(100);

fn start() -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    (site, daemon)
}

/// Checks that the filter is attached again, drops packets, and counts on from its earlier value. Returns the time from
/// `returned` to the log line, since a busy machine takes longer to start `ip`. [`PROMPT`] limits that time.
fn is_attached_again(
    (site, daemon): (&Site, &Daemon),
    returned: Instant,
    reattached: u64,
    dropped: &mut u64,
) -> Duration {
    let number = usize::try_from(reattached).unwrap() - 1;
    let (attached, _) = daemon.nth_line(number, "edge0: attached again");
    let delay = attached.saturating_duration_since(returned);
    let filter = wait_until("the filter is attached", || site.attached());
    assert_eq!(filter.name, "xdp_prog");
    site.link_is_up();
    site.sender().send(&packet("10.11.0.1"), 2);
    *dropped += 2;
    site.metric_becomes("coredns_ebpf_dropped", *dropped);
    site.metric_becomes(
        "corexdp_filter_reattached_total{interface=\"edge0\"}",
        reattached,
    );
    delay
}

fn is_missing(site: &Site) {
    let name = "corexdp_filter_attached{interface=\"edge0\",mode=\"none\"}";
    site.metric_becomes(name, 0);
}

/// Waits until the renamed interface has no program. The daemon logs before it detaches.
fn is_released(site: &Site, interface: &str) {
    wait_for("the program of the renamed interface", &None, || {
        Attached::on(&site.server, interface)
    });
}

#[test]
fn recreated_interface_is_filtered_again() {
    let (site, daemon) = start();
    let mut dropped = 0;
    prompt(PROMPT, |number| {
        let times = number + 1;
        site.server.run("ip link delete edge0");
        daemon.nth_line(times - 1, "warning: edge0: the interface has gone");
        is_missing(&site);
        site.add_wire(SERVER, CLIENT);
        let ends = (&site, &daemon);
        let delay = is_attached_again(ends, Instant::now(), times as u64, &mut dropped);
        assert_eq!(site.filter().mode, NATIVE);
        delay
    });
    daemon.stop();
    assert_eq!(site.attached(), None);
}

#[test]
fn renamed_interface_is_released() {
    let (site, daemon) = start();
    let mut dropped = 0;
    prompt(PROMPT, |number| {
        site.server.run("ip link set edge0 name other0");
        daemon.nth_line(number, "warning: edge0: the interface has gone");
        is_released(&site, "other0");
        let returned = Instant::now();
        site.server.run("ip link set other0 name edge0");
        is_attached_again((&site, &daemon), returned, number as u64 + 1, &mut dropped)
    });
    daemon.stop();
}

#[test]
fn moved_interface_is_released() {
    let (site, daemon) = start();
    let elsewhere = Namespace::new();
    let mut dropped = 0;
    prompt(PROMPT, |number| {
        site.server
            .run(&format!("ip link set edge0 netns {}", elsewhere.name()));
        daemon.nth_line(number, "warning: edge0: the interface has gone");
        wait_for("the program of the moved interface", &None, || {
            Attached::on(&elsewhere, "edge0")
        });
        let returned = Instant::now();
        elsewhere.run(&format!("ip link set edge0 netns {}", site.server.name()));
        wait_until("the filter is attached", || site.attached());
        site.server.run("ip link set edge0 up");
        is_attached_again((&site, &daemon), returned, number as u64 + 1, &mut dropped)
    });
    daemon.stop();
}

/// The kernel keeps the program of an interface that is set down.
#[test]
fn down_and_up_keeps_the_filter() {
    let (site, daemon) = start();
    let filter = site.filter();
    for _ in 0..5 {
        site.server.run("ip link set edge0 down");
        assert_eq!(site.filter(), filter);
        site.server.run("ip link set edge0 up");
    }
    assert_eq!(site.filter(), filter);
    site.metric_becomes("corexdp_filter_reattached_total{interface=\"edge0\"}", 0);
    daemon.stop();
}

#[test]
fn recreated_interface_with_large_mtu_is_filtered_in_generic_mode() {
    let (site, daemon) = start();
    site.server.run("ip link delete edge0");
    daemon.line("warning: edge0: the interface has gone");
    let client = site.client.name();
    // One request creates the interface with its MTU, so that it never has the default MTU.
    site.server.run(&format!(
        "ip link add edge0 mtu 9000 up type veth peer name far0 mtu 9000 netns {client}"
    ));
    daemon.line("edge0: attached again in generic mode");
    assert_eq!(site.filter().mode, GENERIC);
    daemon.line("warning: edge0: native mode refused: veth: Peer MTU");
    daemon.stop();
}

/// In native mode the driver refuses an MTU that it cannot filter.
#[test]
fn driver_refuses_a_large_mtu_in_native_mode() {
    let (site, daemon) = start();
    let filter = site.filter();
    let output = site
        .client
        .attempt(&format!("ip link set {CLIENT} mtu 9000"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("mtu greater than device maximum"),
        "{errors}"
    );
    assert_eq!(site.filter(), filter);
    daemon.stop();
}

/// Another program on the interface stays; when it is detached, the filter returns without a request.
#[test]
fn filter_returns_when_another_program_leaves() {
    let (site, daemon) = start();
    site.folder.fixture("foreign");
    let object = site.folder.file("foreign.o");
    let mut dropped = 0;
    prompt(PROMPT, |number| {
        site.server.run("ip link set edge0 name other0");
        daemon.nth_line(number, "warning: edge0: the interface has gone");
        is_released(&site, "other0");
        site.server.run(&format!(
            "ip link set other0 xdp object {} section xdp",
            object.display()
        ));
        site.server.run("ip link set other0 name edge0");
        let foreign = site.filter();
        assert_ne!(foreign.name, "xdp_prog");
        let expected = format!(
            "edge0: is not filtered: another XDP program is attached, id {}; retrying in 1 s",
            foreign.id
        );
        daemon.line(&expected);
        let returned = Instant::now();
        site.server.run("ip link set edge0 xdp off");
        is_attached_again((&site, &daemon), returned, number as u64 + 1, &mut dropped)
    });
    daemon.stop();
}

/// More events than the socket of the daemon holds: the daemon recovers from lost events.
#[test]
fn netlink_overrun_is_survived() {
    let (site, daemon) = start();
    let lines = |number: u32| {
        format!("link add one{number} type veth peer name two{number}\nlink delete one{number}\n")
    };
    let batch: String = (0..300).map(lines).collect();
    site.folder.write("batch", &batch);
    let file = site.folder.file("batch");
    let mut dropped = 0;
    prompt(PROMPT, |number| {
        daemon.signal(nix::sys::signal::Signal::SIGSTOP);
        site.server.run(&format!("ip -batch {}", file.display()));
        site.server.run("ip link delete edge0");
        site.add_wire(SERVER, CLIENT);
        let returned = Instant::now();
        daemon.signal(nix::sys::signal::Signal::SIGCONT);
        is_attached_again((&site, &daemon), returned, number as u64 + 1, &mut dropped)
    });
    daemon.stop();
}

#[test]
fn reload_of_a_missing_interface_takes_effect_at_its_return() {
    let (site, daemon) = start();
    site.server.run("ip link delete edge0");
    daemon.line("warning: edge0: the interface has gone");
    site.folder
        .write("Corefile", &COREFILE.replace("0A0B0000", "0A0C0000"));
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.line("reload: done");
    site.add_wire(SERVER, CLIENT);
    daemon.line("edge0: attached again in native mode");
    site.sender().send(&packet("10.12.0.1"), 2);
    site.metric_becomes("coredns_ebpf_dropped", 2);
    daemon.stop();
}

/// A filter stays on an interface that is down, and a reload replaces its entries or its program there.
#[test]
fn reload_while_the_interface_is_down_takes_effect() {
    let site = Site::new();
    site.add_other_object();
    let daemon = site.run(COREFILE).attached(1);
    let before = site.filter();
    site.server.run("ip link set edge0 down");
    let entries = COREFILE.replace("0A0B0000", "0A0C0000");
    site.folder.write("Corefile", &entries);
    site.ask(&["reload"]).expect(0, &[]);
    assert_eq!(site.filter(), before);
    site.folder
        .write("Corefile", &entries.replace("example.o", "other/example.o"));
    site.ask(&["reload"]).expect(0, &[]);
    assert_ne!(site.filter().id, before.id);
    assert_eq!(site.filter().mode, NATIVE);
    let generic = entries.replace("elf", "mode generic\n    elf");
    site.folder.write("Corefile", &generic);
    site.ask(&["reload"]).expect(0, &[]);
    assert_eq!(site.filter().mode, GENERIC);
    site.server.run("ip link set edge0 up");
    site.link_is_up();
    site.sender().send(&packet("10.12.0.1"), 2);
    site.metric_becomes("coredns_ebpf_dropped", 2);
    daemon.stop();
}

/// The interface has an alternative name of more than 15 bytes.
#[test]
fn long_alternative_name_is_accepted() {
    for length in [16, 127] {
        let site = Site::new();
        let name = format!("{:-<length$}", "uplink");
        site.server
            .run(&format!("ip link property add dev edge0 altname {name}"));
        let corefile = COREFILE.replace("if edge0", &format!("if {name}"));
        let daemon = site.run(&corefile).attached(1);
        let filter = site.filter();
        let attached = format!("corexdp_filter_attached{{interface=\"{name}\",mode=\"native\"}}");
        site.metric_becomes(&attached, 1);
        site.server.run("ip link set edge0 name other0");
        site.server.run("ip link set other0 name edge0");
        site.folder
            .write("Corefile", &corefile.replace("0A0B0000", "0A0C0000"));
        site.ask(&["reload"]).expect(0, &[]);
        assert_eq!(site.filter(), filter);
        site.server.run("ip link delete edge0");
        daemon.line(&format!("warning: {name}: the interface has gone"));
        site.metric_becomes(&attached.replace("native", "none"), 0);
        daemon.stop();
    }
}

#[test]
fn two_names_of_one_interface_are_refused() {
    let site = Site::new();
    site.server
        .run("ip link property add dev edge0 altname uplink");
    let block = |name: &str| format!("  ebpf {{\n    elf example.o\n    if {name}\n  }}\n");
    let both = format!(". {{\n{}{}}}\n", block("edge0"), block("uplink"));
    let line = "Corefile:8: if: uplink is another name of interface edge0, which an earlier block names; use one name in all blocks of an interface";
    site.refused(&both).expect(78, &[line]);
    let daemon = site
        .run(&format!(". {{\n{}}}\n", block("edge0")))
        .attached(1);
    let filter = site.filter();
    site.folder.write("Corefile", &both);
    site.ask(&["reload"]).refuses(78, &[line]);
    assert_eq!(site.filter(), filter);
    daemon.stop();
}
