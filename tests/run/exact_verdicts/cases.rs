//! Programs with packets of each kind that they treat differently.

use crate::foreign::{self, Trial};
use crate::verdicts::{Totals, VERDICTS};
use support::packets::frame::{Frame, ip4, ip6};
use support::packets::message::query;

/// Packets of one kind.
pub(super) struct Kind {
    pub(super) frame: Vec<u8>,
    /// The verdict of the program. A packet over a limit has the verdict, and a packet within the limit passes.
    verdict: &'static str,
    is_limited: bool,
}

pub(super) fn kind(frame: Frame, verdict: &'static str) -> Kind {
    Kind {
        frame: frame.bytes,
        verdict,
        is_limited: false,
    }
}

/// Packets over a limit after the first.
fn limited(frame: Frame, verdict: &'static str) -> Kind {
    Kind {
        is_limited: true,
        ..kind(frame, verdict)
    }
}

/// A program, its lines in the `ebpf` block, and the packets. The last kind passes.
pub(super) struct Case {
    pub(super) object: String,
    pub(super) lines: String,
    kinds: Vec<Kind>,
}

impl Case {
    /// The packets of each kind, and how many of them are sent. The numbers differ, so that no verdict is taken for another.
    pub(super) fn sent(&self) -> impl Iterator<Item = (&Kind, u32)> {
        self.kinds.iter().zip((3..).step_by(2))
    }

    /// Packets and bytes of all kinds.
    pub(super) fn all(&self) -> (u64, u64) {
        self.sent()
            .fold((0, 0), |sum, (kind, times)| add(sum, &kind.frame, times))
    }

    /// The totals, for packets that passed and that were sent back as received outside.
    pub(super) fn expected(&self, passed: (u64, u64), sent_back: (u64, u64)) -> Totals {
        let mut expected = Totals::from(VERDICTS.map(|verdict| (verdict, (0, 0))));
        for (kind, times) in self.sent().filter(|(kind, _)| !kind.is_limited) {
            let total = expected.get_mut(kind.verdict).unwrap();
            *total = add(*total, &kind.frame, times);
        }
        for (kind, times) in self.sent().filter(|(kind, _)| kind.is_limited) {
            let within = passed.0 - expected["pass"].0;
            assert!(
                (1..=u64::from(times)).contains(&within),
                "{within} of {times}"
            );
            let over = times - u32::try_from(within).unwrap();
            let total = expected.get_mut(kind.verdict).unwrap();
            *total = add(*total, &kind.frame, over);
            expected.insert("pass", passed);
        }
        // A response has another length than its query.
        assert_eq!(
            expected["tx"].0, sent_back.0,
            "{}: packets sent back",
            self.object
        );
        expected.insert("tx", sent_back);
        expected
    }
}

pub(super) fn add(sum: (u64, u64), frame: &[u8], times: u32) -> (u64, u64) {
    let (packets, bytes) = sum;
    (
        packets + u64::from(times),
        bytes + u64::from(times) * frame.len() as u64,
    )
}

pub(super) fn arp() -> Frame {
    Frame::raw(0x0806, &[0; 28])
}

/// A query for this name and type.
fn ask(source: &str, name: &str, kind: u16) -> Frame {
    ip4(source).datagram(53, &query(name, kind).bytes)
}

pub(super) fn case(object: &str, lines: &[&str], kinds: Vec<Kind>) -> Case {
    Case {
        object: object.to_owned(),
        lines: lines.join("\n"),
        kinds,
    }
}

/// The types of queries that `dns` treats differently.
const TXT: u16 = 16;
const NULL: u16 = 10;
const ANY: u16 = 255;

fn malformed() -> Frame {
    ip4("192.0.2.9").datagram(53, &query("www.example", 1).bytes[..20])
}

pub(super) fn lists() -> [Case; 3] {
    let rule = "entry 198.51.100.0/24 action=ACL_DROP";
    let common = || {
        vec![
            kind(ip4("198.51.100.9").udp(53), "drop"),
            kind(ip4("192.0.2.9").udp(53), "pass"),
            kind(ip6("2001:db8:bad::1").udp(80), "drop"),
            kind(ip4("203.0.113.9").tcp(80), "pass"),
            kind(arp(), "pass"),
        ]
    };
    [
        case(
            "acl",
            &[rule, "entry 2001:db8:bad::/48 action=ACL_DROP"],
            common(),
        ),
        case(
            "ordered",
            &[
                "entry 0 action=ACL_DROP ip4_net=198.51.100.0 ip4_mask=255.255.255.0",
                "entry 1 action=ACL_DROP ip6_net=2001:db8:bad:: ip6_mask=ffff:ffff:ffff::",
            ],
            common(),
        ),
        case(
            "count",
            &[],
            common()
                .into_iter()
                .map(|kind| Kind {
                    verdict: "pass",
                    ..kind
                })
                .collect(),
        ),
    ]
}

pub(super) fn checks() -> [Case; 4] {
    [
        case(
            "dns",
            &[
                "entry 255 action=DNS_TRUNCATE",
                "entry 10 action=DNS_DROP",
                "entry 16 action=DNS_REFUSE",
            ],
            vec![
                kind(ask("192.0.2.9", "www.example", ANY), "tx"),
                kind(ask("192.0.2.9", "www.example", NULL), "drop"),
                kind(ask("192.0.2.9", "long.www.example", TXT), "tx"),
                kind(malformed(), "drop"),
                kind(ask("192.0.2.9", "www.example", 1), "pass"),
                kind(arp(), "pass"),
            ],
        ),
        case(
            "guard",
            &[
                "entry 198.51.100.0/24 action=ACL_DROP",
                "entry @settings 0 truncate=true",
                "entry @limits 203.0.113.0/24 source_rate=1 source_burst=1",
            ],
            vec![
                kind(ip4("198.51.100.9").tcp(80), "drop"),
                kind(malformed(), "drop"),
                kind(ask("192.0.2.9", "www.example", 1), "pass"),
                limited(ask("203.0.113.9", "www.example", 1), "tx"),
                kind(arp(), "pass"),
            ],
        ),
        case(
            "limit",
            &["entry 203.0.113.0/24 rate=1 burst=1"],
            vec![
                kind(ip4("192.0.2.9").udp(53), "pass"),
                limited(ip4("203.0.113.9").udp(53), "drop"),
                kind(arp(), "pass"),
            ],
        ),
        case(
            "qname",
            &[
                "entry ads.example action=QNAME_REFUSE",
                "entry gone.example action=QNAME_NXDOMAIN",
                "entry flood.example action=QNAME_DROP",
            ],
            vec![
                kind(ask("192.0.2.9", "ads.example", 1), "tx"),
                kind(ask("192.0.2.9", "x.gone.example", 28), "tx"),
                kind(ask("192.0.2.9", "flood.example", 1), "drop"),
                kind(ask("192.0.2.9", "www.example", 1), "pass"),
                kind(arp(), "pass"),
            ],
        ),
    ]
}

/// A filter of xdp-tools: the packets of its entries, and another packet, which comes last where it passes.
pub(super) fn xdp_filter(policy: &str, name: &str, trials: &[Trial]) -> Case {
    let object = format!("xdpfilt_{policy}_{name}");
    let (found, missed) = if policy == "alw" {
        ("drop", "pass")
    } else {
        ("pass", "drop")
    };
    let mut kinds: Vec<Kind> = trials
        .iter()
        .map(|trial| kind((trial.packet)(), found))
        .collect();
    let other = kind(ip4("192.0.2.1").udp(99).with(39, 8), missed);
    let at = if missed == "pass" { kinds.len() } else { 0 };
    kinds.insert(at, other);
    let lines = format!("prog {object}\n{}", foreign::entries(trials));
    Case {
        object,
        lines,
        kinds,
    }
}
