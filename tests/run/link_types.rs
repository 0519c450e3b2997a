//! Interfaces whose packets have no Ethernet header: the operator is warned.

use std::fs;

use crate::status::{ask, json};
use support::net::{Attached, Daemon, Site};
use support::packets::frame::{ip4, ip6};

const COREFILE: &str = ". {
  prometheus
  ebpf {
    if tun0
    elf acl.o
    entry @settings 0 unlisted=ACL_DROP
    entry 203.0.113.7 action=ACL_PASS
  }
}
";

fn start(line: &str) -> (Site, Daemon) {
    let site = Site::new();
    site.folder.shipped("acl");
    site.server.run(line);
    site.server.run("ip link set tun0 up");
    let daemon = site.run(COREFILE).attached(1);
    (site, daemon)
}

fn warning(name: &str) -> String {
    format!(
        "the interface has no Ethernet header ({name}); programs that expect one pass every packet"
    )
}

/// Fails unless all views show the warning about this link type; `None` means no warning.
fn warns(site: &Site, name: Option<&str>) {
    let filter = &json(site, &[])["filters"][0];
    let expected: Vec<String> = name.map(warning).into_iter().collect();
    assert_eq!(filter["warnings"], serde_json::json!(expected));
    assert_eq!(filter["attached"], true);
    let (text, page) = (ask(site, &[]).stdout, site.get("/").body);
    for warning in &expected {
        assert!(text.contains(&format!("\ntun0: {warning}\n")), "{text}");
        let paragraph = format!("<p class=\"warning\">{warning}</p>");
        assert!(page.contains(&paragraph), "{page}");
    }
    assert_eq!(text.contains("Ethernet header"), name.is_some(), "{text}");
}

#[test]
fn interface_without_ethernet_header_gets_a_warning() {
    for (line, name) in [
        ("ip tuntap add tun0 mode tun", "ARPHRD_NONE"),
        ("ip link add tun0 type sit", "ARPHRD_SIT"),
        (
            "ip link add tun0 type gre local 192.0.2.1 remote 192.0.2.2",
            "ARPHRD_IPGRE",
        ),
        (
            "ip link add tun0 type ipip local 192.0.2.1 remote 192.0.2.2",
            "ARPHRD_TUNNEL",
        ),
        (
            "ip link add tun0 type ip6tnl local 2001:db8::1 remote 2001:db8::2",
            "ARPHRD_TUNNEL6",
        ),
        ("ip link add tun0 type wireguard", "ARPHRD_NONE"),
    ] {
        if !is_offered(line) {
            continue;
        }
        let (site, daemon) = start(line);
        assert!(Attached::on(&site.server, "tun0").is_some(), "{line}");
        daemon.line(&format!("warning: tun0: {}", warning(name)));
        warns(&site, Some(name));
        daemon.stop();
    }
}

/// True if this kernel supports interfaces of this type. Every kernel under test supports tun.
fn is_offered(line: &str) -> bool {
    let namespace = support::net::Namespace::new();
    let offered = namespace.attempt(line).status.success();
    assert!(offered || !line.contains("tuntap"), "{line}");
    offered
}

#[test]
fn interface_with_ethernet_header_gets_no_warning() {
    for line in [
        "ip tuntap add tun0 mode tap",
        "ip link add tun0 type veth peer name other0",
        "ip link add tun0 type dummy",
        "ip link add tun0 type bridge",
    ] {
        if !is_offered(line) {
            continue;
        }
        let (site, daemon) = start(line);
        warns(&site, None);
        daemon.stop();
    }
    let site = Site::new();
    site.folder.shipped("acl");
    let daemon = site
        .run(&COREFILE.replace("if tun0", "if lo").replace("DROP", "PASS"))
        .attached(1);
    warns(&site, None);
    daemon.stop();
}

/// An interface that is created again under the name may have another type.
#[test]
fn recreated_interface_is_checked_again() {
    let (site, daemon) = start("ip tuntap add tun0 mode tun");
    warns(&site, Some("ARPHRD_NONE"));
    let lines = [
        ("ip tuntap add tun0 mode tap", None),
        ("ip tuntap add tun0 mode tun", Some("ARPHRD_NONE")),
    ];
    for (number, (line, name)) in lines.into_iter().enumerate() {
        site.server.run("ip link delete tun0");
        daemon.nth_line(number, "warning: tun0: the interface has gone");
        assert_eq!(
            json(&site, &[])["filters"][0]["warnings"],
            serde_json::json!([])
        );
        site.server.run(line);
        site.server.run("ip link set tun0 up");
        daemon.nth_line(number, "tun0: attached again in ");
        warns(&site, name);
    }
    let warnings = daemon.lines_with("no Ethernet header");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    // A reload logs the warning again.
    let file = site.folder.file("Corefile");
    let corefile = fs::read_to_string(&file).unwrap();
    fs::write(&file, corefile.replace("203.0.113.7", "203.0.113.8")).unwrap();
    site.ask(&["reload"]).expect(0, &[]);
    daemon.nth_line(2, "no Ethernet header");
    warns(&site, Some("ARPHRD_NONE"));
    daemon.stop();
}

/// Writes an IP packet without an Ethernet header to a tun interface, as its other end would.
const WRITE: &str = "import fcntl, os, struct, sys
tun = os.open('/dev/net/tun', os.O_RDWR)
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000
fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', b'tun0', IFF_TUN | IFF_NO_PI))
os.write(tun, bytes.fromhex(sys.argv[1]))
";

#[test]
fn program_can_parse_frames_without_ethernet_header() {
    let site = Site::new();
    site.folder.shipped("dns");
    site.folder.write("write.py", WRITE);
    site.server.run("ip tuntap add tun0 mode tun");
    site.server.run("ip link set tun0 up");
    let corefile = ". {\nprometheus\nebpf {\nelf dns.o\nif tun0\n\
        entry @.rodata 0 corexdp_link_header=LINK_IP\n\
        counter bad_total @totals 0 malformed \"Malformed.\"\n}\n}\n";
    let daemon = site.run(corefile).attached(1);
    for (seen, packet) in (1..).zip([ip4("203.0.113.9"), ip6("2001:db8::9")]) {
        let frame = packet.datagram(53, b"no query").bytes;
        let hex: Vec<String> = frame[14..]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let script = site.folder.file("write.py");
        site.server
            .run(&format!("python3 {} {}", script.display(), hex.concat()));
        site.metric_becomes("coredns_ebpf_bad_total", seen);
    }
    daemon.stop();
}
