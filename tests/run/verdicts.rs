//! The frame around a program counts packets and bytes by verdict, for shipped and foreign programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::status::{ask, json};
use support::net::{Daemon, SERVER, Site};
use support::objects::compile::compile_with;
use support::packets::frame::{Frame, ip4, ip6};
use support::packets::message::query;
use support::wait::wait_for;

const VERDICTS: [&str; 5] = ["pass", "drop", "tx", "redirect", "aborted"];

/// Packets and bytes by verdict.
pub(super) type Totals = BTreeMap<&'static str, (u64, u64)>;

/// A site without IPv6, so that the kernel sends no packets of its own.
pub(super) fn quiet_site() -> Site {
    let site = Site::new();
    for namespace in [&site.server, &site.client] {
        namespace.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1");
    }
    site
}

pub(super) fn corefile(object: &str, more: &str) -> String {
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf {object}.o\n    {more}\n  }}\n}}\n"
    )
}

/// The totals on the page.
pub(super) fn totals(site: &Site, program: &str) -> Totals {
    let page = site.get("/metrics");
    let number = |name: &str, verdict: &str| {
        let labels = format!("interface=\"edge0\",program=\"{program}\",verdict=\"{verdict}\"");
        let sample = page.metric(&format!("corexdp_{name}_total{{{labels}}}"));
        let sample = sample.unwrap_or_else(|| panic!("{labels}: {}", page.body));
        sample.parse::<u64>().unwrap()
    };
    VERDICTS
        .map(|verdict| {
            (
                verdict,
                (number("packets", verdict), number("bytes", verdict)),
            )
        })
        .into()
}

/// Packets that the driver passed to programs since the creation of the interface.
fn driver_packets(site: &Site) -> u64 {
    let lines = site.server.run(&format!("ethtool -S {SERVER}"));
    let numbers = lines.lines().filter_map(|line| {
        let (name, number) = line.trim().split_once(": ")?;
        let counts = name.starts_with("rx_queue_") && name.ends_with("_xdp_packets");
        counts.then(|| number.parse::<u64>().unwrap())
    });
    numbers.sum()
}

/// A frame whose source address ends with this byte.
pub(super) fn frame_from(last: u8) -> Vec<u8> {
    ip4(&format!("10.11.0.{last}")).udp(53).bytes
}

/// Sends packets of each verdict to `verdicts.o`, and returns the expected totals.
pub(super) fn send_each_verdict(site: &Site) -> Totals {
    let sender = site.sender();
    let mut expected = Totals::from(VERDICTS.map(|verdict| (verdict, (0, 0))));
    for (last, verdict, times) in [
        (0, "aborted", 1),
        (1, "drop", 2),
        (2, "pass", 3),
        (3, "tx", 4),
        (4, "redirect", 5),
        (5, "aborted", 6),
        (255, "aborted", 7),
    ] {
        let frame = frame_from(last);
        sender.send(&frame, times);
        let (packets, bytes) = expected.get_mut(verdict).unwrap();
        *packets += u64::from(times);
        *bytes += u64::from(times) * frame.len() as u64;
    }
    expected
}

/// Attaches `verdicts.o`, compiled with these options, on a quiet site.
pub(super) fn start(options: &[&str], more: &str) -> (Site, Daemon) {
    let site = quiet_site();
    compile_with("verdicts", site.folder.path(), options);
    let daemon = site.run(&corefile("verdicts", more)).attached(1);
    (site, daemon)
}

/// Sends packets of each verdict, and waits until the page has counted them on top of `before`.
fn expect_counted(site: &Site, before: &Totals) {
    let mut expected = send_each_verdict(site);
    for (verdict, (packets, bytes)) in before {
        let total = expected.get_mut(verdict).unwrap();
        *total = (total.0 + packets, total.1 + bytes);
    }
    wait_for("the totals", &expected, || totals(site, "verdicts"));
}

#[test]
fn verdicts_are_counted_for_any_program() {
    for options in [
        &[][..],
        &["-DCALLS"],
        &["-DSECTION=\"xdp.frags\""],
        &["-DTAIL_CALL"],
        &["-DEXITS"],
        &["-DEXITS", "-DCALLS"],
        &["-DBYTES=500"],
    ] {
        let (site, daemon) = start(options, "");
        assert_eq!(daemon.lines_with("verdicts"), [""; 0], "{options:?}");
        expect_counted(&site, &Totals::new());
        wait_for("the packets of the driver", &28, || driver_packets(&site));
        daemon.stop();
    }
}

#[test]
fn verdicts_are_counted_in_generic_mode() {
    let (site, daemon) = start(&[], "mode generic");
    expect_counted(&site, &Totals::new());
    daemon.stop();
}

/// Packets that the shipped programs treat differently.
fn packets() -> Vec<Frame> {
    let question = query("ads.example", 1).bytes;
    vec![
        ip4("198.51.100.9").udp(53),
        ip4("192.0.2.9").datagram(53, &question),
        ip4("192.0.2.9").datagram(53, &question[..20]),
        ip4("192.0.2.66").tcp(53),
        ip4("203.0.113.9").udp(80),
        ip6("2001:db8:bad::1").datagram(53, &question),
        Frame::raw(0x0806, &[0; 28]),
    ]
}

#[test]
fn verdicts_of_shipped_programs_add_up() {
    const TIMES: u32 = 3;
    for (program, entries) in [
        ("acl", "entry 198.51.100.0/24 action=ACL_DROP"),
        ("count", ""),
        ("dns", "entry @settings 0 rate=1"),
        ("guard", "entry @limits 0.0.0.0/0 source_rate=1"),
        ("limit", "entry 0.0.0.0/0 source_rate=1"),
        (
            "ordered",
            "map 00000001.C6336400.FFFFFF00.00000000000000000000000000000000.00000000000000000000000000000000.00000000",
        ),
        ("qname", "entry ads.example action=QNAME_DROP"),
    ] {
        let site = quiet_site();
        site.folder.shipped(program);
        let daemon = site.run(&corefile(program, entries)).attached(1);
        let (sender, receiver) = (site.sender(), site.receiver());
        let packets = packets();
        for packet in &packets {
            sender.send(&packet.bytes, TIMES);
        }
        let sent = u64::from(TIMES) * packets.len() as u64;
        let bytes: usize = packets.iter().map(|packet| packet.bytes.len()).sum();
        wait_for(&format!("the sum of {program}"), &sent, || {
            totals(&site, program)
                .values()
                .map(|(packets, _)| packets)
                .sum()
        });
        let totals = totals(&site, program);
        let shown: u64 = totals.values().map(|(_, bytes)| bytes).sum();
        assert_eq!(
            shown,
            u64::from(TIMES) * bytes as u64,
            "{program}: {totals:?}"
        );
        assert_eq!(driver_packets(&site), sent, "{program}");
        // The frame counts a packet before the receiver gets it.
        let mut arrived = 0;
        wait_for(
            &format!("packets that {program} passed"),
            &totals["pass"].0,
            || {
                arrived += std::iter::from_fn(|| receiver.next()).count() as u64;
                arrived
            },
        );
        let has_drops = program != "count";
        assert_eq!(totals["pass"].0 < sent, has_drops, "{program}: {totals:?}");
        daemon.stop();
    }
}

#[test]
fn reload_of_object_keeps_totals() {
    let (site, daemon) = start(&[], "");
    expect_counted(&site, &Totals::new());
    let before = totals(&site, "verdicts");
    let reload = || site.ask(&["reload"]).expect(0, &[]);
    reload();
    assert_eq!(totals(&site, "verdicts"), before);
    let filter = site.filter();
    compile_with("verdicts", site.folder.path(), &["-DEXITS"]);
    reload();
    assert_ne!(site.filter(), filter);
    expect_counted(&site, &before);
    // The totals of another object start at 0.
    compile_with("verdicts", &site.folder.file("other"), &[]);
    let other = site.folder.file("other");
    std::fs::rename(other.join("verdicts.o"), site.folder.file("other.o")).unwrap();
    site.folder.write("Corefile", &corefile("other", ""));
    reload();
    let all: u64 = totals(&site, "other")
        .values()
        .map(|(packets, _)| packets)
        .sum();
    assert_eq!(all, 0);
    daemon.stop();
}

#[test]
fn exit_hold_keeps_totals() {
    let (site, daemon) = start(&[], "exit hold");
    expect_counted(&site, &Totals::new());
    let before = totals(&site, "verdicts");
    daemon.stop();
    // The program counts while no daemon runs.
    let mut expected = before.clone();
    let frame = frame_from(2);
    site.sender().send(&frame, 1);
    let pass = expected.get_mut("pass").unwrap();
    *pass = (pass.0 + 1, pass.1 + frame.len() as u64);
    let daemon = site.start(&[]).attached(1);
    daemon.line("with its counters");
    wait_for("the totals", &expected, || totals(&site, "verdicts"));
    daemon.stop();
    site.folder.write("Corefile", ". {\n}\n");
}

#[test]
fn status_and_page_show_verdicts() {
    let (site, daemon) = start(&[], "");
    expect_counted(&site, &Totals::new());
    let totals = totals(&site, "verdicts");
    let expected = VERDICTS.map(|verdict| {
        let (packets, bytes) = totals[verdict];
        serde_json::json!({"verdict": verdict, "packets": packets, "bytes": bytes})
    });
    let filter = &json(&site, &[])["filters"][0];
    assert_eq!(filter["verdicts"], Value::from(expected.to_vec()));
    assert_eq!(filter["object"], "verdicts");
    let (text, page) = (ask(&site, &[]).stdout, site.get("/").body);
    for (verdict, (packets, bytes)) in totals {
        let mut row = format!("edge0      verdicts  {verdict:<8}  {packets:>7}  ");
        write!(row, "{bytes:>5}").unwrap();
        assert!(text.contains(&row), "{row}: {text}");
        for (unit, number) in [("packets", packets), ("bytes", bytes)] {
            let row = format!(">{verdict}, {unit}</th><td>{number}</td></tr>");
            assert!(page.contains(&row), "{row}: {page}");
        }
    }
    let measured = json(&site, &["--measure", "10ms"]);
    let rates = &measured["measured"]["filters"][0]["verdicts"];
    assert_eq!(rates[4]["verdict"], "aborted", "{measured}");
    assert_eq!(rates[4]["packets_per_second"], 0, "{measured}");
    let text = ask(&site, &["--measure", "10ms"]).stdout;
    assert!(text.contains("  packets/s  bytes/s\n"), "{text}");
    daemon.stop();
}
