//! The frame around a program counts packets and bytes by verdict, for shipped and foreign programs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::status::{ask, json};
use support::net::{Daemon, SERVER, Site};
use support::objects::compile::compile_with;
use support::packets::frame::ip4;
use support::wait::wait_for;

pub(super) const VERDICTS: [&str; 5] = ["pass", "drop", "tx", "redirect", "aborted"];

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

/// A counter of the driver since the creation of the interface, summed over its queues.
pub(super) fn driver_counter(site: &Site, counter: &str) -> u64 {
    let lines = site.server.run(&format!("ethtool -S {SERVER}"));
    let numbers = lines.lines().filter_map(|line| {
        let (name, number) = line.trim().split_once(": ")?;
        let (_, name) = name.strip_prefix("rx_queue_")?.split_once('_')?;
        (name == counter).then(|| number.parse::<u64>().unwrap())
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
        wait_for("the packets of the driver", &28, || {
            driver_counter(&site, "xdp_packets")
        });
        daemon.stop();
    }
}

#[test]
fn verdicts_are_counted_in_generic_mode() {
    let (site, daemon) = start(&[], "mode generic");
    expect_counted(&site, &Totals::new());
    daemon.stop();
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
    let mut shown = filter["verdicts"].clone();
    for verdict in shown.as_array_mut().unwrap() {
        let verdict = verdict.as_object_mut().unwrap();
        verdict.retain(|name, _| !name.starts_with("period_"));
    }
    assert_eq!(shown, Value::from(expected.to_vec()));
    assert_eq!(filter["object"], "verdicts");
    let (text, page) = (ask(&site, &[]).stdout, site.get("/").body);
    for (verdict, (packets, bytes)) in totals {
        let row = format!("edge0      verdicts  {verdict:<8}  ");
        let row = text.lines().find(|line| line.starts_with(&row));
        let words: Vec<_> = row.expect(&text).split_whitespace().collect();
        let [_, _, _, _, _, shown, short] = words[..] else {
            panic!("{text}");
        };
        assert_eq!(shown, packets.to_string());
        assert!(bytes < 1000 && short == bytes.to_string(), "{text}");
        let (_, row) = page.split_once(&format!(">{verdict}</th><td>")).unwrap();
        let row = row.lines().next().unwrap();
        let end = format!("<td>{packets}</td><td>{bytes}</td></tr>");
        assert!(row.ends_with(&end), "{row}");
    }
    let measured = json(&site, &["--measure", "10ms"]);
    let rates = &measured["measured"]["filters"][0]["verdicts"];
    assert_eq!(rates[4]["verdict"], "aborted", "{measured}");
    assert_eq!(rates[4]["packets_per_second"], 0, "{measured}");
    let text = ask(&site, &["--measure", "10ms"]).stdout;
    assert!(
        text.contains("  packets/s  bit/s  packets  bytes\n"),
        "{text}"
    );
    let period = "\nrates: mean of the last 0.0 s\n";
    assert!(text.contains(period), "{text}");
    daemon.stop();
}
