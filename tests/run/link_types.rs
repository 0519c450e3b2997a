//! Link headers: the daemon sets the variable of a program, and refuses a program for another link header.

use crate::link_traffic::IFF_TUN;
use crate::status::json;
use support::net::{Attached, Site};
use support::objects::compile::compile_text;

/// A program that expects an Ethernet header.
pub(super) const EXAMPLE: &str = ". {
  prometheus
  ready
  ebpf {
    elf example.o
    if tun0
  }
}
";

pub(super) const ACL: &str = ". {
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

/// Sets the link type of a tun device that is down (`TUNSETLINK`).
pub(super) const SET_TYPE: &str = "import fcntl, os, struct, sys
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'tun0', int(sys.argv[1])))
fcntl.ioctl(tun, 0x400454cd, int(sys.argv[2]))
";

pub(super) fn add(site: &Site, line: &str) {
    site.server.run(line);
    site.server.run("ip link set tun0 up");
}

pub(super) fn with(corefile: &str, line: &str) -> String {
    corefile.replace("    if tun0\n", &format!("    if tun0\n    {line}\n"))
}

pub(super) fn site() -> Site {
    let site = Site::new();
    site.folder.shipped("acl");
    site.folder.write("set_type.py", SET_TYPE);
    add(&site, "ip tuntap add tun0 mode tun");
    site
}

/// Changes the link type of the interface, as a modem does when it changes its mode.
pub(super) fn set_type(site: &Site, mode: u16, link_type: u16) {
    site.server.run("ip link set tun0 down");
    let script = site.folder.file("set_type.py");
    let script = script.display();
    site.server
        .run(&format!("python3 {script} {mode} {link_type}"));
    site.server.run("ip link set tun0 up");
}

/// True if the kernel can create the interface of this command. A kernel without tun fails the test.
fn is_offered(line: &str) -> bool {
    let namespace = support::net::Namespace::new();
    let offered = namespace.attempt(line).status.success();
    assert!(offered || !line.contains("tuntap"), "{line}");
    offered
}

#[test]
fn ethernet_program_is_refused_on_other_link_types() {
    let unknown = "an unknown header";
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
            unknown,
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
        // `corexdp check` does not look up interfaces.
        let corefile = site.folder.file("Corefile");
        let args = ["check", "-conf", corefile.to_str().unwrap()];
        let checked = site.finish(&mut support::net::Corexdp::command(
            site.folder.path(),
            &args,
        ));
        checked.expect(0, &[]);
    }
}

#[test]
fn wait_fails_at_once_on_wrong_link_type() {
    let site = site();
    let refusal = REFUSAL.replace(":5:", ":6:");
    site.refused(&with(EXAMPLE, "wait 10m"))
        .expect(69, &[&refusal]);
}

#[test]
fn link_directive_allows_other_link_types() {
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
fn daemon_sets_link_header_variable() {
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

/// The variable is an integer of any size.
#[test]
fn foreign_object_may_declare_link_header_variable() {
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
        compile_text(&source, "foreign", site.folder.path(), &["-mcpu=v2"]);
        let gauges: String = ["before", "corexdp_link_header", "after"]
            .iter()
            .flat_map(|name| ["gauge ", name, " @.rodata 0 ", name, " \"A constant.\"\n"])
            .collect();
        let corefile =
            format!(". {{\nprometheus\nebpf {{\nelf foreign.o\nif tun0\n{gauges}}}\n}}\n");
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
fn link_header_entry_must_match_interface() {
    let site = site();
    let value = |value| {
        with(
            ACL,
            &format!("entry @.rodata 0 corexdp_link_header={value}"),
        )
    };
    site.run(&value("LINK_IP")).attached(1).stop();
    site.refused(&value("LINK_ETHERNET")).expect(69, &["Corefile:6: entry: interface tun0: packets begin with the IP header (ARPHRD_NONE), and the value of corexdp_link_header is another; remove the value, which the daemon sets"]);
    let ethernet = value("LINK_IP").replace("if tun0", "if edge0");
    let any = ethernet.replace("entry @", "link any\n    entry @");
    for (corefile, line) in [(ethernet, 6), (any, 7)] {
        let expected = format!(
            "Corefile:{line}: entry: interface edge0: packets begin with an Ethernet header"
        );
        site.refused(&corefile).refuses(69, &[&expected]);
    }
    // `link ip` overrides the entry.
    let both = value("LINK_ETHERNET").replace("entry @", "link ip\n    entry @");
    let daemon = site.run(&both).attached(1);
    site.metric_becomes("coredns_ebpf_header", 1);
    daemon.stop();
}

/// `ARPHRD_INFINIBAND` does not determine the header.
#[test]
fn corefile_sets_link_header_of_unknown_link_type() {
    let site = site();
    set_type(&site, IFF_TUN, 32);
    // A program with the variable parses one of two headers, so `link any` does not help.
    for (corefile, line) in [(ACL.to_owned(), 5), (with(ACL, "link any"), 5)] {
        site.refused(&corefile).expect(69, &[&format!("Corefile:{line}: if: interface tun0: packets begin with an unknown header (ARPHRD_INFINIBAND), and the program reads Ethernet and IP; filter the interface below, or write `link ip` if they begin with the IP header")]);
    }
    for (line, header) in [
        ("link ip", 1),
        ("entry @.rodata 0 corexdp_link_header=LINK_ETHERNET", 0),
        ("entry @.rodata 0 corexdp_link_header=LINK_IP", 1),
    ] {
        let daemon = site.run(&with(ACL, line)).attached(1);
        site.metric_becomes("coredns_ebpf_header", header);
        daemon.stop();
    }
}
