//! The expected behaviour of each example.

use support::net::PAGE;

/// The object that an example names, by its origin.
pub(crate) enum Object {
    /// `target/bpf/NAME.o`.
    Shipped(&'static str),
    /// `tests/objects/NAME.bpf.c`.
    Fixture(&'static str),
    /// An object of xdp-tools.
    Installed(&'static str),
}

/// Packets from an address to an interface.
pub(crate) struct Shot {
    pub(crate) at: &'static str,
    pub(crate) from: &'static str,
    pub(crate) times: u32,
    /// True if the packets pass. The last packets at each interface must pass.
    pub(crate) passes: bool,
}

/// An example and its expected effects.
pub(crate) struct Case {
    /// The name of the file without `.Corefile`.
    pub(crate) name: &'static str,
    pub(crate) object: Object,
    pub(crate) interfaces: &'static [&'static str],
    /// The interface that is created while the daemon waits for it.
    pub(crate) late: Option<&'static str>,
    /// An address of the box.
    pub(crate) address: Option<&'static str>,
    /// The address of the page.
    pub(crate) page: &'static str,
    pub(crate) shots: &'static [Shot],
    /// All metrics of the Corefile, by NAME, after the shots.
    pub(crate) metrics: &'static [(&'static str, u64)],
    /// Addresses and paths that answer 200.
    pub(crate) answers: &'static [(&'static str, &'static str)],
    /// Parts of log lines.
    pub(crate) logs: &'static [&'static str],
}

const fn passed(at: &'static str, from: &'static str, times: u32) -> Shot {
    let passes = true;
    Shot {
        at,
        from,
        times,
        passes,
    }
}

const fn dropped(at: &'static str, from: &'static str, times: u32) -> Shot {
    let passes = false;
    Shot {
        at,
        from,
        times,
        passes,
    }
}

/// One interface, `eth0`, and the page at its default address.
const USUAL: Case = Case {
    name: "",
    object: Object::Shipped("ordered"),
    interfaces: &["eth0"],
    late: None,
    address: None,
    page: PAGE,
    shots: &[
        dropped("eth0", "203.0.113.9", 3),
        passed("eth0", "192.0.2.1", 2),
    ],
    metrics: &[],
    answers: &[],
    logs: &["in native mode"],
};

/// The three networks of the plugin's documentation.
const DOCUMENTED: Case = Case {
    object: Object::Fixture("example"),
    shots: &[
        dropped("eth0", "10.11.0.1", 1),
        dropped("eth0", "10.12.0.1", 2),
        dropped("eth0", "10.13.255.255", 3),
        passed("eth0", "10.14.0.1", 4),
    ],
    metrics: &[("dropped_third", 3)],
    ..USUAL
};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "documented",
        ..DOCUMENTED
    },
    Case {
        name: "words",
        ..DOCUMENTED
    },
    Case {
        name: "allow-list",
        shots: &[
            passed("eth0", "192.0.2.200", 3),
            dropped("eth0", "198.51.100.8", 2),
            dropped("eth0", "2001:db8::1", 2),
            passed("eth0", "fe80::1", 1),
            passed("eth0", "198.51.100.7", 4),
        ],
        metrics: &[("allowed_office", 3), ("allowed_monitor", 4)],
        ..USUAL
    },
    Case {
        name: "ipv6",
        shots: &[
            dropped("eth0", "2001:db8:bad::54", 2),
            dropped("eth0", "2001:db8:bad:ffff::53", 3),
            passed("eth0", "2001:db8:bae::53", 1),
            passed("eth0", "192.0.2.1", 1),
            passed("eth0", "2001:db8:bad::53", 4),
        ],
        metrics: &[("ip6_passed", 4), ("ip6_dropped", 5)],
        ..USUAL
    },
    Case {
        name: "several-interfaces",
        interfaces: &["wan0", "lan0"],
        shots: &[
            dropped("wan0", "203.0.113.9", 3),
            dropped("wan0", "2001:db8:bad::9", 3),
            passed("wan0", "192.0.2.1", 1),
            dropped("lan0", "203.0.113.10", 5),
            passed("lan0", "192.0.2.1", 1),
        ],
        metrics: &[("wan_dropped", 3), ("lan_dropped", 5)],
        logs: &["wan0: attached xdp_prog", "lan0: attached xdp_prog"],
        ..USUAL
    },
    Case {
        name: "environment",
        metrics: &[("blocked", 3)],
        ..USUAL
    },
    Case {
        name: "hold",
        metrics: &[("held_dropped", 3)],
        ..USUAL
    },
    Case {
        name: "supervised",
        object: Object::Shipped("count"),
        shots: &[passed("eth0", "192.0.2.1", 6)],
        metrics: &[("dns_udp_packets", 6)],
        answers: &[("127.0.0.1:8080", "/health"), ("127.0.0.1:8181", "/ready")],
        ..USUAL
    },
    Case {
        name: "page-address",
        object: Object::Shipped("count"),
        address: Some("192.0.2.53/32"),
        page: "192.0.2.53:9200",
        shots: &[passed("eth0", "192.0.2.1", 6)],
        metrics: &[("dns_udp_packets", 6)],
        answers: &[("192.0.2.53:9200", "/"), ("192.0.2.53:9200", "/status")],
        ..USUAL
    },
    Case {
        name: "xdp-tools",
        object: Object::Installed("xdpfilt_alw_ip"),
        shots: &[
            dropped("eth0", "203.0.113.66", 3),
            dropped("eth0", "2001:db8:bad::66", 4),
            passed("eth0", "203.0.113.67", 1),
        ],
        metrics: &[("filtered", 7)],
        logs: &["attached xdpfilt_alw_ip"],
        ..USUAL
    },
    Case {
        name: "per-cpu",
        object: Object::Fixture("percpu"),
        shots: &[
            passed("eth0", "192.0.2.1", 40),
            passed("eth0", "203.0.113.1", 2),
            passed("eth0", "198.51.100.1", 5),
        ],
        metrics: &[("udp_office", 40), ("udp_branch", 5)],
        ..USUAL
    },
    Case {
        name: "networks",
        object: Object::Fixture("networks"),
        shots: &[
            dropped("eth0", "10.52.0.1", 2),
            dropped("eth0", "10.53.0.66", 3),
            passed("eth0", "11.0.0.1", 1),
            passed("eth0", "10.53.0.67", 4),
        ],
        metrics: &[
            ("drops_wide", 2),
            ("passes_site", 4),
            ("drops_host", 3),
            ("drops_all", 5),
        ],
        ..USUAL
    },
    Case {
        name: "lists",
        shots: &[
            dropped("eth0", "203.0.113.9", 2),
            dropped("eth0", "198.51.100.66", 3),
            dropped("eth0", "198.51.100.99", 4),
            passed("eth0", "198.51.100.7", 1),
        ],
        metrics: &[("listed_first", 2), ("listed_last", 4)],
        ..USUAL
    },
    Case {
        name: "feeds",
        object: Object::Shipped("acl"),
        shots: &[
            dropped("eth0", "203.0.113.9", 2),
            dropped("eth0", "203.0.113.200", 1),
            dropped("eth0", "198.51.100.66", 3),
            dropped("eth0", "2001:db8:bad::1", 1),
            passed("eth0", "203.0.113.209", 1),
            passed("eth0", "203.0.113.80", 1),
        ],
        metrics: &[("feeds_dropped_packets_total", 7)],
        logs: &["drop.txt: format cidr, 3 entries, 0 skipped lines"],
        ..USUAL
    },
    Case {
        name: "feeds-of-names",
        object: Object::Shipped("qname"),
        shots: &[passed("eth0", "192.0.2.1", 2)],
        metrics: &[("feeds_unread_packets_total", 2)],
        logs: &["malware.rpz: format rpz, 3 entries, 0 skipped lines"],
        ..USUAL
    },
    Case {
        name: "generic",
        metrics: &[("generic_dropped", 3)],
        logs: &["in generic mode"],
        ..USUAL
    },
    Case {
        name: "wait",
        interfaces: &["usb0"],
        late: Some("usb0"),
        shots: &[
            dropped("usb0", "203.0.113.9", 3),
            passed("usb0", "192.0.2.1", 1),
        ],
        metrics: &[("late_dropped", 3)],
        logs: &["usb0: waiting up to 60 s"],
        ..USUAL
    },
    Case {
        name: "debug",
        object: Object::Fixture("example"),
        shots: &[
            dropped("eth0", "10.11.0.1", 2),
            passed("eth0", "10.12.0.1", 1),
        ],
        metrics: &[("debug_dropped", 2)],
        logs: &["map xdp_map: key=00000000 value=0A0B0000FFFF000002000000"],
        ..USUAL
    },
    Case {
        name: "measure-only",
        object: Object::Shipped("count"),
        shots: &[
            passed("eth0", "2001:db8::1", 3),
            passed("eth0", "192.0.2.1", 2),
        ],
        metrics: &[
            ("arp_packets", 0),
            ("ip4_tcp_packets", 0),
            ("ip4_udp_packets", 2),
            // 14 bytes of Ethernet, 20 of IP, 8 of UDP.
            ("ip4_udp_bytes", 2 * 42),
            ("ip6_udp_packets", 3),
            ("dns_udp_packets", 5),
        ],
        ..USUAL
    },
];

/// An example with a rate limit.
pub(crate) const LIMITED: Case = Case {
    name: "coredns",
    object: Object::Shipped("limit"),
    shots: &[],
    metrics: &[],
    ..USUAL
};
