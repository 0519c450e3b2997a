//! The header with which packets of an interface begin: told to programs that ask, and refused for all others.

use std::fs;

use crate::link_traffic::{IFF_TAP, IFF_TUN, write};
use crate::status::json;
use support::net::{Attached, Daemon, Site};
use support::objects::compile::compile_text;
use support::packets::frame::ip4;

/// A program that expects an Ethernet header.
const EXAMPLE: &str = ". {
  prometheus
  ready
  ebpf {
    elf example.o
    if tun0
  }
}
";

const ACL: &str = ". {
  prometheus
  ebpf {
    elf acl.o
    if tun0
    entry 203.0.113.7 action=ACL_DROP
    counter dropped_total 203.0.113.7 packets \"Dropped.\"
    gauge header @.rodata 0 corexdp_link_header \"The header.\"
  }
}
";

const REFUSAL: &str = "Corefile:5: if: interface tun0: packets begin with the IP header (ARPHRD_NONE), and the program expects Ethernet; filter the interface below, or write `link ip` for a program that reads IP";

const DROPPED: &str = "coredns_ebpf_dropped_total";

/// Sets the type of a tun device that is down (`TUNSETLINK`).
const SET_TYPE: &str = "import fcntl, os, struct, sys
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'tun0', int(sys.argv[1])))
fcntl.ioctl(tun, 0x400454cd, int(sys.argv[2]))
";

fn add(site: &Site, line: &str) {
    site.server.run(line);
    site.server.run("ip link set tun0 up");
}

fn with(corefile: &str, line: &str) -> String {
    corefile.replace("    if tun0\n", &format!("    if tun0\n    {line}\n"))
}

fn site() -> Site {
    let site = Site::new();
    site.folder.shipped("acl");
    site.folder.write("set_type.py", SET_TYPE);
    add(&site, "ip tuntap add tun0 mode tun");
    site
}

/// Gives the interface another type, as a modem does that changes its mode.
fn set_type(site: &Site, mode: u16, link_type: u16) {
    site.server.run("ip link set tun0 down");
    let script = site.folder.file("set_type.py");
    let script = script.display();
    site.server
        .run(&format!("python3 {script} {mode} {link_type}"));
    site.server.run("ip link set tun0 up");
}

/// True if this kernel has interfaces of this type; it must have tun.
fn is_offered(line: &str) -> bool {
    let namespace = support::net::Namespace::new();
    let offered = namespace.attempt(line).status.success();
    assert!(offered || !line.contains("tuntap"), "{line}");
    offered
}

#[test]
fn a_program_for_ethernet_is_refused_on_another_link() {
    let with_header = "neither an Ethernet nor an IP header";
    for (line, name, header, remedy) in [
        (
            "ip tuntap add tun0 mode tun",
            "ARPHRD_NONE",
            "the IP header",
            "link ip",
        ),
        (
            "ip link add tun0 type wireguard",
            "ARPHRD_NONE",
            "the IP header",
            "link ip",
        ),
        (
            "ip link add tun0 type sit",
            "ARPHRD_SIT",
            with_header,
            "link any",
        ),
    ] {
        if !is_offered(line) {
            continue;
        }
        let site = Site::new();
        add(&site, line);
        let outcome = site.refused(EXAMPLE);
        let parts = [
            "Corefile:6: if: interface tun0: packets begin with ",
            header,
            &format!("({name})"),
            &format!("; filter the interface below, or write `{remedy}` for a program that reads "),
        ];
        outcome.refuses(69, &parts);
        assert_eq!(Attached::on(&site.server, "tun0"), None, "{line}");
        // The kernel is not asked.
        let corefile = site.folder.file("Corefile");
        let args = ["check", "-conf", corefile.to_str().unwrap()];
        let checked = site.finish(&mut support::net::Corexdp::command(
            site.folder.path(),
            &args,
        ));
        checked.expect(0, &[]);
    }
}

/// An interface of the wrong type is not waited for.
#[test]
fn wait_ends_at_an_interface_that_does_not_fit() {
    let site = site();
    let refusal = REFUSAL.replace(":5:", ":6:");
    site.refused(&with(EXAMPLE, "wait 10m"))
        .expect(69, &[&refusal]);
}

#[test]
fn the_corefile_says_what_a_program_expects() {
    for option in ["link ip", "link any"] {
        let site = site();
        let daemon = site.run(&with(EXAMPLE, option)).attached(1);
        assert!(Attached::on(&site.server, "tun0").is_some(), "{option}");
        assert_eq!(
            json(&site, &[])["filters"][0]["warnings"],
            serde_json::json!([])
        );
        daemon.stop();
    }
    let site = Site::new();
    let outcome = site.refused(&with(EXAMPLE, "link ip").replace("tun0", "edge0"));
    outcome.expect(69, &["Corefile:7: link: interface edge0: packets begin with an Ethernet header (ARPHRD_ETHER), and `link ip` expects IP; remove `link ip`"]);
    let corefile = with(EXAMPLE, "link any").replace("tun0", "edge0");
    site.run(&corefile).attached(1).stop();
}

#[test]
fn an_object_with_the_variable_is_told() {
    for (line, interface, header) in [
        ("ip tuntap add tun0 mode tun", "tun0", 1),
        ("ip tuntap add tun0 mode tap", "tun0", 0),
        ("ip link add tun0 type veth peer name other0", "tun0", 0),
        ("ip link add tun0 type bridge", "tun0", 0),
        ("ip tuntap add tun0 mode tun", "lo", 0),
    ] {
        let site = Site::new();
        site.folder.shipped("acl");
        add(&site, line);
        let daemon = site.run(&ACL.replace("if tun0", &format!("if {interface}")));
        let daemon = daemon.attached(1);
        site.metric_becomes("coredns_ebpf_header", header);
        assert_eq!(daemon.lines_with("header"), [""; 0]);
        daemon.stop();
    }
}

/// A stranger's object, whose variable is an integer of any size.
#[test]
fn any_object_may_declare_the_variable() {
    let site = site();
    for kind in ["__u8", "__u16", "__u32", "__s64"] {
        let source = format!(
            "#include <linux/bpf.h>
            #include <bpf/bpf_helpers.h>
            const volatile __u64 before = 5;
            const volatile {kind} corexdp_link_header = 7;
            const volatile __u64 after = 6;
            SEC(\"xdp\") int xdp_prog(struct xdp_md *ctx)
            {{ return corexdp_link_header == before + after ? XDP_DROP : XDP_PASS; }}"
        );
        compile_text(&source, "stranger", site.folder.path(), &["-mcpu=v2"]);
        let gauges: String = ["before", "corexdp_link_header", "after"]
            .iter()
            .flat_map(|name| ["gauge ", name, " @.rodata 0 ", name, " \"A constant.\"\n"])
            .collect();
        let corefile =
            format!(". {{\nprometheus\nebpf {{\nelf stranger.o\nif tun0\n{gauges}}}\n}}\n");
        let daemon = site.run(&corefile).attached(1);
        for (name, value) in [("before", 5), ("corexdp_link_header", 1), ("after", 6)] {
            site.metric_becomes(&format!("coredns_ebpf_{name}"), value);
        }
        daemon.stop();
        let daemon = site.run(&corefile.replace("tun0", "edge0")).attached(1);
        site.metric_becomes("coredns_ebpf_corexdp_link_header", 0);
        daemon.stop();
    }
}

#[test]
fn a_value_in_the_corefile_must_be_that_of_the_interface() {
    let site = site();
    let value = |value| {
        with(
            ACL,
            &format!("entry @.rodata 0 corexdp_link_header={value}"),
        )
    };
    site.run(&value("LINK_IP")).attached(1).stop();
    site.refused(&value("LINK_ETHERNET")).expect(69, &["Corefile:6: entry: interface tun0: packets begin with the IP header (ARPHRD_NONE), and the value of corexdp_link_header is another; remove the value, which the daemon sets"]);
    let outcome = site.refused(&value("LINK_IP").replace("if tun0", "if edge0"));
    outcome.refuses(
        69,
        &["Corefile:6: entry: interface edge0: packets begin with an Ethernet header"],
    );
}

/// A type that says nothing about the header.
#[test]
fn the_corefile_decides_where_the_type_is_unknown() {
    let site = site();
    set_type(&site, IFF_TUN, 32);
    site.refused(ACL).expect(69, &["Corefile:5: if: interface tun0: packets begin with neither an Ethernet nor an IP header (ARPHRD_INFINIBAND), and the program expects one of them; filter the interface below, or write `link any` for a program that reads them"]);
    for (line, header) in [
        ("link ip", 1),
        ("link any", 0),
        ("entry @.rodata 0 corexdp_link_header=LINK_IP", 1),
    ] {
        let daemon = site.run(&with(ACL, line)).attached(1);
        site.metric_becomes("coredns_ebpf_header", header);
        daemon.stop();
    }
}

/// Waits until the filter is attached with this header, in the maps that it had: its counter goes on.
fn follows(site: &Site, daemon: &Daemon, times: u64, header: u64) {
    let skip = usize::try_from(times).unwrap() - 1;
    daemon.nth_line(skip, "; the program is loaded anew for it");
    daemon.nth_line(skip, "tun0: attached again in ");
    site.metric_becomes("coredns_ebpf_header", header);
    site.metric_becomes(DROPPED, times);
}

#[test]
fn a_told_program_follows_its_interface_to_another_type() {
    let site = site();
    let daemon = site.run(ACL).attached(1);
    let frame = ip4("203.0.113.7").udp(53).bytes;
    write(&site, IFF_TUN, &[frame[14..].to_vec()]);
    site.metric_becomes(DROPPED, 1);
    for (times, mode, flags, begin) in [(1, "tap", IFF_TAP, 0), (2, "tun", IFF_TUN, 14)] {
        site.server.run("ip link delete tun0");
        let gone = usize::from(mode == "tun");
        daemon.nth_line(gone, "warning: tun0: the interface has gone");
        add(&site, &format!("ip tuntap add tun0 mode {mode}"));
        follows(&site, &daemon, times, u64::from(mode == "tun"));
        write(&site, flags, &[frame[begin..].to_vec()]);
        site.metric_becomes(DROPPED, times + 1);
    }
    // The same interface gets another type.
    set_type(&site, IFF_TUN, 1);
    daemon.nth_line(2, "tun0: attached again in ");
    site.metric_becomes("coredns_ebpf_header", 0);
    set_type(&site, IFF_TUN, 512);
    daemon.nth_line(3, "tun0: attached again in ");
    site.metric_becomes("coredns_ebpf_header", 1);
    write(&site, IFF_TUN, &[frame[14..].to_vec()]);
    site.metric_becomes(DROPPED, 4);
    // From ARPHRD_PPP to ARPHRD_NONE, the header stays.
    let before = Attached::on(&site.server, "tun0");
    set_type(&site, IFF_TUN, 65534);
    site.ask(&["reload"]).expect(0, &[]);
    assert_eq!(Attached::on(&site.server, "tun0"), before);
    daemon.stop();
}

#[test]
fn a_program_for_ethernet_leaves_an_interface_that_changes_its_type() {
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
fn reload_refuses_a_program_that_does_not_fit() {
    let site = site();
    let daemon = site.run(ACL).attached(1);
    let before = Attached::on(&site.server, "tun0");
    site.folder.write("Corefile", EXAMPLE);
    site.ask(&["reload"])
        .refuses(69, &["interface tun0: packets begin with the IP header"]);
    assert_eq!(Attached::on(&site.server, "tun0"), before);
    site.folder.write("Corefile", &with(EXAMPLE, "link ip"));
    site.ask(&["reload"]).expect(0, &[]);
    // Away, the interface says nothing about its next type.
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
fn reload_of_an_absent_interface_keeps_what_the_program_was_told() {
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

/// The next daemon adopts the program if the type is the same, and replaces it if not.
#[test]
fn a_held_filter_is_adopted_with_its_header() {
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
    // The pinned state is that of the changed program.
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
