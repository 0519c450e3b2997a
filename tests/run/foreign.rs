//! Objects written for another loader: the filters of xdp-tools as Debian ships them. Each runs unchanged; its maps are
//! filled and read by name and in words.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use support::net::{Corexdp, Site, finish};
use support::packets::frame::{Frame, ip4, ip6};
use support::wait::{wait_for, wait_until};

/// The path of an object in Debian's libxdp1, on which xdp-tools depends.
pub(super) fn installed(name: &str) -> PathBuf {
    let folder = format!("/usr/lib/{}-linux-gnu/bpf", std::env::consts::ARCH);
    let path = Path::new(&folder).join(format!("{name}.o"));
    assert!(
        path.is_file(),
        "{} is missing; install xdp-tools",
        path.display()
    );
    path
}

/// An entry of a map of xdp-filter, and a packet that matches the entry.
pub(super) struct Trial {
    map: &'static str,
    key: &'static str,
    /// Flags of xdp-filter: 1 for the source, 2 for the destination, 4 for TCP, 8 for UDP.
    flags: u64,
    pub(super) packet: fn() -> Frame,
}

const ETHERNET: Trial = Trial {
    map: "filter_ethernet",
    key: "02:00:5e:10:20:30",
    flags: 1,
    packet: || {
        let source = [2, 0, 0x5e, 0x10, 0x20, 0x30].into_iter().enumerate();
        source.fold(ip4("192.0.2.1").udp(99), |frame, (at, byte)| {
            frame.with(6 + at, byte)
        })
    },
};
const IPV4: Trial = Trial {
    map: "filter_ipv4",
    key: "192.0.2.66",
    flags: 1,
    packet: || ip4("192.0.2.66").udp(99),
};
const IPV6: Trial = Trial {
    map: "filter_ipv6",
    key: "2001:db8::66",
    flags: 1,
    packet: || ip6("2001:db8::66").udp(99),
};
/// The index of the array is a port in network byte order: 53 is 0x35 in the second byte.
const TCP: Trial = Trial {
    map: "filter_ports",
    key: "13568",
    flags: 2 + 4,
    packet: || ip4("192.0.2.1").tcp(53),
};
const UDP: Trial = Trial {
    map: "filter_ports",
    key: "0x00350000",
    flags: 2 + 8,
    // xdp-filter reads the length in the UDP header, which must be valid.
    packet: || ip4("192.0.2.1").udp(53).with(39, 8),
};

/// The kinds of entries that each program supports.
pub(super) const FILTERS: [(&str, &[Trial]); 5] = [
    ("eth", &[ETHERNET]),
    ("ip", &[IPV4, IPV6]),
    ("tcp", &[TCP]),
    ("udp", &[UDP]),
    ("all", &[ETHERNET, IPV4, IPV6, UDP]),
];

/// The lines that add the entries.
pub(super) fn entries(trials: &[Trial]) -> String {
    let lines = trials.iter().map(
        |Trial {
             map, key, flags, ..
         }| format!("entry @{map} {key} value={flags}\n"),
    );
    lines.collect()
}

fn corefile(program: &str, trials: &[Trial]) -> String {
    let mut text = format!(
        ". {{\nprometheus\nebpf {{\nelf {program}.o\nprog {program}\nif edge0\n{}",
        entries(trials)
    );
    for (number, Trial { map, key, .. }) in trials.iter().enumerate() {
        writeln!(text, "gauge hits{number} @{map} {key} value \"Of {key}.\"").unwrap();
    }
    // The keys are XDP verdicts: 1 is XDP_DROP, 2 is XDP_PASS.
    text + "counter dropped @xdp_stats_map 1 packets \"Dropped.\"\ncounter passed @xdp_stats_map 2 rx_packets \"Passed.\"\n}\n}\n"
}

fn number(site: &Site, name: &str) -> u64 {
    let page = site.get("/metrics");
    let value = page
        .metric(name)
        .unwrap_or_else(|| panic!("no {name}: {}", page.body));
    value.parse().unwrap()
}

fn check_warns_of_pins_only(site: &Site) {
    let check = finish(&mut Corexdp::command(
        site.folder.path(),
        &["check", "-conf", "Corefile"],
    ));
    assert_eq!(check.code, Some(0), "{}", check.stderr);
    for line in check.lines() {
        assert!(
            line.contains("asks to be pinned by its name, which is ignored"),
            "{line}"
        );
    }
}

/// Runs one of the programs, sends packets, and checks which of them pass.
fn filters(program: &str, trials: &[Trial], drops_what_it_finds: bool) {
    const TIMES: u32 = 5;
    let site = Site::new();
    fs::copy(
        installed(program),
        site.folder.file(&format!("{program}.o")),
    )
    .unwrap();
    let text = corefile(program, trials);
    site.folder.write("Corefile", &text);
    check_warns_of_pins_only(&site);
    let daemon = site.start(&[]).attached(1);
    let (sender, receiver) = (site.sender(), site.receiver());
    let other = ip4("192.0.2.1").udp(99).with(39, 8).bytes;
    sender.send(&other, TIMES);
    let cpus = super::words::possible_cpus();
    for (number, trial) in trials.iter().enumerate() {
        sender.send(&(trial.packet)().bytes, TIMES);
        // Each CPU's value holds the flags in its lowest bits and a counter above them.
        let value = trial.flags * u64::from(cpus) + (u64::from(TIMES) << 6);
        site.metric_becomes(&format!("coredns_ebpf_hits{number}"), value);
    }
    let (found, missed) = if drops_what_it_finds { (0, 5) } else { (5, 0) };
    let mut arrived = Vec::new();
    // A packet is counted before it arrives.
    for (key, frame, expected) in trials
        .iter()
        .map(|trial| (trial.key, (trial.packet)().bytes, found))
        .chain([("another", other, missed)])
    {
        let reading = format!("{program}: the number of packets of {key}");
        wait_for(&reading, &expected, || {
            arrived.extend(std::iter::from_fn(|| receiver.next()));
            arrived.iter().filter(|seen| **seen == frame).count()
        });
    }
    let (found, missed) = if drops_what_it_finds {
        ("coredns_ebpf_dropped", "coredns_ebpf_passed")
    } else {
        ("coredns_ebpf_passed", "coredns_ebpf_dropped")
    };
    wait_until("verdicts are counted", || {
        let all = u64::from(TIMES) * trials.len() as u64;
        let seen = (number(&site, found), number(&site, missed));
        // The kernel's own packets on the interface are counted among the others.
        if seen.0 == all && seen.1 >= 5 {
            Ok(())
        } else {
            Err(seen)
        }
    });
    wait_until("the frame counts what the program counts", || {
        let page = site.get("/metrics");
        let seen = [("dropped", "drop"), ("passed", "pass")].map(|(own, verdict)| {
            let labels = format!("{{program=\"{program}\",verdict=\"{verdict}\"}}");
            let names = [
                format!("coredns_ebpf_{own}"),
                format!("corexdp_packets_total{labels}"),
            ];
            names.map(|name| page.metric(&name).map(str::to_owned))
        });
        if seen
            .iter()
            .all(|[own, frame]| own.is_some() && own == frame)
        {
            Ok(())
        } else {
            Err(seen)
        }
    });
    daemon.stop();
}

#[test]
fn xdp_filter_allowing_by_default_drops_matches() {
    for (name, trials) in FILTERS {
        filters(&format!("xdpfilt_alw_{name}"), trials, true);
    }
}

#[test]
fn xdp_filter_denying_by_default_passes_matches() {
    for (name, trials) in FILTERS {
        filters(&format!("xdpfilt_dny_{name}"), trials, false);
    }
}

#[test]
fn error_names_the_functions_of_an_object_without_xdp_prog() {
    let site = Site::new();
    fs::copy(installed("xdpfilt_dny_ip"), site.folder.file("x.o")).unwrap();
    let refused = site.refused(". {\n ebpf {\n  elf x.o\n  if edge0\n }\n}\n");
    refused.refuses(65, &["is missing; the object has `xdpfilt_dny_ip` in section `xdp`; `prog FUNCTION` names another"]);
}
