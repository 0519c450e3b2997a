//! Running filters whose interface changes its link type.

use std::fs;

use crate::link_traffic::{IFF_TAP, IFF_TUN, write};
use crate::link_types::{ACL, EXAMPLE, SET_TYPE, add, set_type, site, with};
use crate::status::json;
use support::net::{Attached, Daemon, Site};
use support::packets::frame::ip4;

const DROPPED: &str = "coredns_ebpf_dropped_total";

/// Waits until the filter is attached with this link header for the `times`-th time. Its counter still has its value.
fn follows(site: &Site, daemon: &Daemon, times: u64, header: u64) {
    let skip = usize::try_from(times).unwrap() - 1;
    daemon.nth_line(skip, "; the program is loaded anew for it");
    daemon.nth_line(skip, "tun0: attached again in ");
    site.metric_becomes("coredns_ebpf_header", header);
    site.metric_becomes(DROPPED, times);
}

#[test]
fn program_follows_interface_to_another_link_type() {
    let site = site();
    let daemon = site.run(ACL).attached(1);
    let frame = ip4("203.0.113.7").udp(53).bytes;
    write(&site, IFF_TUN, &[frame[14..].to_vec()]);
    site.metric_becomes(DROPPED, 1);
    for (times, mode, flags, begin) in [(1, "tap", IFF_TAP, 0), (2, "tun", IFF_TUN, 14)] {
        site.server.run("ip link delete tun0");
        let skip = usize::from(mode == "tun");
        daemon.nth_line(skip, "warning: tun0: the interface has gone");
        add(&site, &format!("ip tuntap add tun0 mode {mode}"));
        follows(&site, &daemon, times, u64::from(mode == "tun"));
        write(&site, flags, &[frame[begin..].to_vec()]);
        site.metric_becomes(DROPPED, times + 1);
    }
    // The link type of the existing interface changes.
    set_type(&site, IFF_TUN, 1);
    daemon.nth_line(2, "tun0: attached again in ");
    site.metric_becomes("coredns_ebpf_header", 0);
    set_type(&site, IFF_TUN, 512);
    daemon.nth_line(3, "tun0: attached again in ");
    site.metric_becomes("coredns_ebpf_header", 1);
    write(&site, IFF_TUN, &[frame[14..].to_vec()]);
    site.metric_becomes(DROPPED, 4);
    // ARPHRD_PPP and ARPHRD_NONE have the same link header.
    let before = Attached::on(&site.server, "tun0");
    set_type(&site, IFF_TUN, 65534);
    site.ask(&["reload"]).expect(0, &[]);
    assert_eq!(Attached::on(&site.server, "tun0"), before);
    daemon.stop();
}

#[test]
fn ethernet_program_is_detached_when_link_type_changes() {
    let site = Site::new();
    site.folder.write("set_type.py", SET_TYPE);
    add(&site, "ip tuntap add tun0 mode tap");
    let daemon = site.run(EXAMPLE).attached(1);
    let why = "packets begin with the IP header (ARPHRD_PPP), and the program expects Ethernet";
    set_type(&site, IFF_TAP, 512);
    daemon.line(&format!("tun0: is not filtered: {why}; retrying in 1 s"));
    assert_eq!(Attached::on(&site.server, "tun0"), None);
    let filter = &json(&site, &[])["filters"][0];
    assert_eq!(filter["attached"], false);
    assert_eq!(filter["reason"], why);
    set_type(&site, IFF_TAP, 1);
    daemon.line("tun0: attached again in ");
    assert!(Attached::on(&site.server, "tun0").is_some());
    daemon.stop();
}

#[test]
fn reload_refuses_program_for_other_link_type() {
    let site = site();
    let daemon = site.run(ACL).attached(1);
    let before = Attached::on(&site.server, "tun0");
    site.folder.write("Corefile", EXAMPLE);
    site.ask(&["reload"])
        .refuses(69, &["interface tun0: packets begin with the IP header"]);
    assert_eq!(Attached::on(&site.server, "tun0"), before);
    site.folder.write("Corefile", &with(EXAMPLE, "link ip"));
    site.ask(&["reload"]).expect(0, &[]);
    // The next link type of an absent interface is unknown.
    site.server.run("ip link delete tun0");
    daemon.line("the interface has gone");
    site.folder.write("Corefile", EXAMPLE);
    site.ask(&["reload"]).expect(0, &[]);
    add(&site, "ip tuntap add tun0 mode tun");
    daemon.line("tun0: is not filtered: packets begin with the IP header");
    assert_eq!(Attached::on(&site.server, "tun0"), None);
    daemon.stop();
}

#[test]
fn reload_keeps_link_header_of_absent_interface() {
    let site = site();
    let daemon = site.run(ACL).attached(1);
    site.server.run("ip link delete tun0");
    daemon.line("the interface has gone");
    site.ask(&["reload"]).expect(0, &[]);
    add(&site, "ip tuntap add tun0 mode tun");
    daemon.line("tun0: attached again in ");
    site.metric_becomes("coredns_ebpf_header", 1);
    assert_eq!(daemon.lines_with("loaded anew"), [""; 0]);
    daemon.stop();
}

/// The next daemon adopts the held program if the link type is unchanged, and replaces the program otherwise.
#[test]
fn held_filter_is_adopted_with_its_link_header() {
    let site = site();
    let corefile = with(ACL, "exit hold");
    site.run(&corefile).attached(1).stop();
    let held = Attached::on(&site.server, "tun0");
    assert!(held.is_some());
    let daemon = site.run(&corefile).attached(1);
    assert_eq!(Attached::on(&site.server, "tun0"), held);
    set_type(&site, IFF_TUN, 1);
    daemon.line("; the program is loaded anew for it");
    daemon.line("tun0: attached again in ");
    site.metric_becomes("coredns_ebpf_header", 0);
    let changed = Attached::on(&site.server, "tun0");
    assert_ne!(changed, held);
    daemon.stop();
    // The pins contain the variant, which the next daemon adopts.
    let daemon = site.run(&corefile).attached(1);
    assert_eq!(Attached::on(&site.server, "tun0"), changed);
    daemon.stop();
    set_type(&site, IFF_TUN, 65534);
    let daemon = site.run(&corefile).attached(1);
    assert_ne!(Attached::on(&site.server, "tun0"), changed);
    site.metric_becomes("coredns_ebpf_header", 1);
    let corefile = site.folder.file("Corefile");
    let text = fs::read_to_string(&corefile).unwrap();
    fs::write(&corefile, text.replace("exit hold", "exit detach")).unwrap();
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}
