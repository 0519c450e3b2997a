//! Packets of links other than plain Ethernet, through every shipped program, to the network stack.

use std::fmt::Write as _;

use support::net::{CLIENT, Receiver, Site};
use support::packets::frame::{ETH_P_PPP_SES, Frame, Packet, ip4, ip6};
use support::packets::message::query;
use support::packets::model::Facts;
use support::wait::wait_until;

/// Writes frames to the file descriptor of a tun or tap device.
const WRITE: &str = "import fcntl, os, struct, sys
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'tun0', int(sys.argv[1])))
for frame in sys.argv[2:]:
    os.write(tun, bytes.fromhex(frame))
";
pub(super) const IFF_TUN: u16 = 0x1001;
pub(super) const IFF_TAP: u16 = 0x1002;

pub(super) fn write(site: &Site, flags: u16, frames: &[Vec<u8>]) {
    site.folder.write("write.py", WRITE);
    let script = site.folder.file("write.py");
    let script = script.display();
    let mut hex = String::new();
    for frame in frames {
        hex.push(' ');
        for byte in frame {
            write!(hex, "{byte:02x}").unwrap();
        }
    }
    site.server.run(&format!("python3 {script} {flags}{hex}"));
}

/// A link under test: an interface, and the way to send frames to it.
struct Link {
    name: &'static str,
    /// Commands that create the interface in the server's namespace.
    setup: &'static [&'static str],
    interface: &'static str,
    send: Send,
}

enum Send {
    /// Writes to a tun or tap device with these flags.
    Device(u16),
    /// Ethernet frames from the client's namespace.
    Wire,
    /// `PPPoE` frames from the client's namespace.
    Session,
}

const TUN: &[&str] = &["ip tuntap add tun0 mode tun", "ip link set tun0 up"];
const TAP: &[&str] = &["ip tuntap add tun0 mode tap", "ip link set tun0 up"];

#[rustfmt::skip]
const LINKS: &[Link] = &[
    Link { name: "tun", setup: TUN, interface: "tun0", send: Send::Device(IFF_TUN) },
    Link { name: "tap", setup: TAP, interface: "tun0", send: Send::Device(IFF_TAP) },
    Link { name: "veth", setup: &[], interface: "edge0", send: Send::Wire },
    Link { name: "pppoe", setup: &[], interface: "edge0", send: Send::Session },
    Link {
        name: "bridge",
        setup: &["ip link add br0 address 02:00:00:00:00:01 type bridge", "ip link set edge0 master br0", "ip link set br0 up"],
        interface: "br0",
        send: Send::Wire,
    },
    Link {
        name: "bridge port",
        setup: &["ip link add br0 type bridge", "ip link set edge0 master br0", "ip link set br0 up"],
        interface: "edge0",
        send: Send::Wire,
    },
    Link {
        name: "macvlan",
        setup: &["ip link add mv0 link edge0 address 02:00:00:00:00:01 type macvlan", "ip link set mv0 up"],
        interface: "mv0",
        send: Send::Wire,
    },
];

const SOURCES: &[&str] = &[
    "203.0.113.66 action=ACL_DROP",
    "2001:db8::66 action=ACL_DROP",
];
const LIMITS: &[&str] = &[
    "203.0.113.66/32 rate=1 bucket.full=9000000000000000000",
    "2001:db8::66/128 rate=1 bucket.full=9000000000000000000",
];
const ORDERED: &[&str] = &[
    "0 family=SUBNET_IPV4 action=ACL_DROP ip4_net=203.0.113.66 ip4_mask=255.255.255.255",
    "1 family=SUBNET_IPV6 action=ACL_DROP ip6_net=2001:db8::66 ip6_mask=ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

/// Each shipped program, with entries that drop a query for bad.example from 203.0.113.66 or `2001:db8::66`.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("acl", SOURCES),
    ("count", &[]),
    ("dns", &["1 action=DNS_DROP"]),
    ("guard", SOURCES),
    ("limit", LIMITS),
    ("ordered", ORDERED),
    ("qname", &["bad.example action=QNAME_DROP"]),
];

fn corefile(program: &str, lines: &[&str], link: &Link) -> String {
    let lines: String = lines
        .iter()
        .flat_map(|line| ["entry ", line, "\n"])
        .collect();
    let interface = link.interface;
    format!(". {{\nebpf {{\nelf {program}.o\nif {interface}\nmode generic\n{lines}}}\n}}\n")
}

impl Link {
    fn site(&self, program: &str) -> Site {
        let site = Site::new();
        site.folder.shipped(program);
        for line in self.setup {
            site.server.run(line);
        }
        if self.setup.iter().any(|line| line.contains("master")) {
            wait_until("the bridge forwards", || {
                let port = site.server.run("ip -d link show edge0");
                port.contains("state forwarding").then_some(())
            });
        }
        site
    }

    /// Bytes before the IP header.
    const fn header(&self) -> usize {
        match self.send {
            Send::Device(IFF_TUN) => 0,
            Send::Session => 22,
            _ => 14,
        }
    }

    fn frame(&self, packet: Packet, payload: &[u8]) -> Vec<u8> {
        let session = matches!(self.send, Send::Session);
        let packet = if session { packet.pppoe() } else { packet };
        let mut frame = packet.datagram(53, payload).bytes;
        let before = if session { 22 } else { 14 };
        if frame[before] == 0x45 {
            set_checksum(&mut frame[before..before + 20]);
        }
        frame[before - self.header()..].to_vec()
    }

    fn deliver(&self, site: &Site, frames: &[Vec<u8>]) {
        match self.send {
            Send::Device(flags) => write(site, flags, frames),
            Send::Wire | Send::Session => {
                let sender = site.sender();
                for frame in frames {
                    sender.send(frame, 1);
                }
            }
        }
    }
}

/// Sets the IPv4 header checksum. With `br_netfilter`, a bridge drops packets with a wrong checksum.
fn set_checksum(header: &mut [u8]) {
    let words = header
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
    let sum: u32 = words.sum();
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// The indices in `sent` of the frames that the program passes, in order of arrival, until `last` arrives.
fn passed(link: &Link, passing: &Receiver, sent: &[Vec<u8>], last: &[u8]) -> Vec<usize> {
    let mut seen = Vec::new();
    wait_until(&format!("{}: the last frame passes", link.name), || {
        while let Some(frame) = passing.next() {
            seen.extend(sent.iter().position(|sent| *sent == frame));
            if frame == last {
                return Some(());
            }
        }
        None
    });
    seen
}

/// Programs drop the listed sources of both families, and pass all other packets.
#[test]
fn programs_filter_on_every_link_type() {
    for link in LINKS {
        // Links with an Ethernet header need one program: the programs parse all Ethernet frames alike.
        let needs_all = matches!(link.send, Send::Device(IFF_TUN) | Send::Session);
        for (program, lines) in PROGRAMS
            .iter()
            .take(if needs_all { PROGRAMS.len() } else { 1 })
        {
            let site = link.site(program);
            let daemon = site.run(&corefile(program, lines, link)).attached(1);
            let passing = Receiver::new(&site.server, link.interface);
            let (bad, good) = (
                query("bad.example", 1).bytes,
                query("good.example", 28).bytes,
            );
            let frames = [
                link.frame(ip4("203.0.113.66"), &bad),
                link.frame(ip6("2001:db8::66"), &bad),
                link.frame(ip4("203.0.113.9"), &good),
                link.frame(ip6("2001:db8::9"), &good),
            ];
            link.deliver(&site, &frames);
            let expected: &[usize] = if lines.is_empty() {
                &[0, 1, 2, 3]
            } else {
                &[2, 3]
            };
            let seen = passed(link, &passing, &frames, &frames[3]);
            assert_eq!(seen, expected, "{program} on {}", link.name);
            daemon.stop();
        }
    }
}

/// A session needs its discovery and its control protocols, whatever the entries drop.
#[test]
fn programs_pass_pppoe_control_packets() {
    let link = LINKS.iter().find(|link| link.name == "pppoe").unwrap();
    for (program, lines) in PROGRAMS {
        let site = link.site(program);
        let drop_all: &[&str] = match *program {
            "acl" | "guard" => &["::/0 action=ACL_DROP"],
            "limit" => &["::/0 rate=1 bucket.full=9000000000000000000"],
            _ => lines,
        };
        let daemon = site.run(&corefile(program, drop_all, link)).attached(1);
        let passing = Receiver::new(&site.server, link.interface);
        let control = |protocol: u16| {
            let payload = [
                &[0x11, 0, 0x12, 0x34, 0, 12][..],
                &protocol.to_be_bytes(),
                &[1; 10],
            ];
            Frame::raw(ETH_P_PPP_SES, &payload.concat()).bytes
        };
        let frames = [
            // Discovery: PADI, PADO, PADR, PADS, PADT.
            discovery(0x09),
            discovery(0x07),
            discovery(0x19),
            discovery(0x65),
            discovery(0xa7),
            // LCP, IPCP, IPV6CP, CHAP.
            control(0xc021),
            control(0x8021),
            control(0x8057),
            control(0xc223),
        ];
        link.deliver(&site, &frames);
        let seen = passed(link, &passing, &frames, &frames[8]);
        assert_eq!(seen, (0..9).collect::<Vec<_>>(), "{program}");
        daemon.stop();
    }
}

fn discovery(code: u8) -> Vec<u8> {
    Frame::raw(0x8863, &[&[0x11, code, 0, 0, 0, 4], &[1; 38][..]].concat()).bytes
}

/// Programs that answer queries: an entry that makes the program answer www.example, and the RCODE of the answer.
const ANSWERS: &[(&str, &str, u8)] = &[
    ("dns", "1 action=DNS_REFUSE", 5),
    ("qname", "www.example action=QNAME_NXDOMAIN", 3),
    (
        "guard",
        "@limits ::/0 rate=1 bucket.full=9000000000000000000\nentry @settings 0 truncate=true",
        0,
    ),
];

/// The answer has the session of the query. On links without an Ethernet header, programs send no answers.
#[test]
fn answers_use_link_of_query() {
    for link in LINKS
        .iter()
        .filter(|link| matches!(link.send, Send::Wire | Send::Session))
    {
        for (program, line, code) in ANSWERS {
            let site = link.site(program);
            let daemon = site.run(&corefile(program, &[line], link)).attached(1);
            let answers = Receiver::new(&site.client, CLIENT);
            let asked = query("www.example", 1).bytes;
            for packet in [ip4("203.0.113.9"), ip6("2001:db8::9")] {
                let asked = link.frame(packet, &asked);
                let before = Facts::of(&asked).unwrap();
                link.deliver(&site, std::slice::from_ref(&asked));
                let answer = wait_until(&format!("{program} answers on {}", link.name), || {
                    let mut frames = std::iter::from_fn(|| answers.next());
                    frames.find(|frame| frame[..6] == asked[6..12])
                });
                let after = Facts::of(&answer).unwrap();
                assert_eq!(after.source, before.destination);
                // The session header includes the length: these answers are as long as the query.
                let header = 14..after.ip;
                assert_eq!(answer[header.clone()], asked[header]);
                assert_eq!(answer[after.transport + 11] & 15, *code, "{program}");
            }
            daemon.stop();
        }
    }
}
