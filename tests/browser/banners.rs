//! Banners: states that need a person. Each has its own colour, and is readable on a phone and in dark mode.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use crate::axe::is_accessible;
use crate::chromium::{Chromium, RETURN};
use crate::row;
use support::net::{Daemon, Site, pause};
use support::objects::compile::compile;
use support::packets::frame::ip4;

const COREFILE: &str = ". {
  prometheus
  health :8080
  ebpf {
    elf verdicts.o
    if edge0
  }
  ebpf {
    elf verdicts.o
    if edge1
  }
}
";

/// A site with a daemon whose program aborts packets from 10.11.0.0, and whose health is not served.
fn start() -> (Site, Daemon) {
    let site = Site::new();
    site.add_wire("edge1", "cli1");
    // The kernel must send no packets of its own.
    for namespace in [&site.server, &site.client] {
        namespace.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1");
    }
    // Another process has the port of `health`.
    let taken = site
        .server
        .enter(|| std::net::TcpListener::bind("[::]:8080"));
    std::mem::forget(taken.unwrap());
    compile("verdicts", site.folder.path());
    let daemon = site.run(COREFILE).attached(2);
    (site, daemon)
}

/// Sends packets with the verdict of this number.
fn send(site: &Site, verdict: u8, packets: u32) {
    let frame = ip4(&format!("10.11.0.{verdict}")).udp(53).bytes;
    site.sender().send(&frame, packets);
}

fn banner(class: &str) -> String {
    format!("document.querySelector('.banner.{class}')")
}

/// Waits for a banner, and returns its text.
fn text(browser: &Chromium<'_>, class: &str) -> String {
    browser.becomes(&format!("!!{}", banner(class)));
    browser.text(&format!("{}.textContent", banner(class)))
}

#[test]
fn each_state_has_a_banner_of_its_own_colour() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    browser.resize(1280, 900);
    browser.prefer("light");
    browser.open();
    assert_eq!(browser.value(&format!("!!{}", banner("aborts"))), false);
    // A refused reload, then a pending one would hide it; so the pending one is a start.
    site.folder.write(
        "Corefile",
        &COREFILE.replace("edge1", "edge1\n    map nonsense"),
    );
    let refused = site.ask(&["reload"]);
    assert!(refused.stderr.contains("VALUE has"), "{refused:?}");
    let shown = text(&browser, "refused");
    for line in refused.stderr.trim_end().lines() {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    site.server.run("ip link delete edge1");
    let shown = text(&browser, "unattached");
    assert_eq!(shown, "edge1 is NOT filtered: the interface has gone");
    send(&site, 0, 25);
    let shown = text(&browser, "aborts");
    assert!(shown.starts_with("verdicts at edge0 aborts: "), "{shown}");
    browser.becomes(&format!(
        "{}.textContent.includes(' 25 in total')",
        banner("aborts")
    ));
    let shown = text(&browser, "unserved");
    assert!(
        shown.starts_with("health at :8080 is NOT served: "),
        "{shown}"
    );
    let colours =
        "[...document.querySelectorAll('.banner')].map((one) => getComputedStyle(one).borderColor)";
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        let colours = browser.value(colours);
        let colours: BTreeSet<_> = colours
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        assert_eq!(colours.len(), 4, "{colours:?}");
        is_accessible(&browser);
        browser.picture(&format!("banners-{scheme}"));
    }
    browser.resize(360, 740);
    is_accessible(&browser);
    browser.picture("banners-phone");
    drop(browser);
    daemon.stop();
}

#[test]
fn pending_confirmation_counts_down() {
    let (site, daemon) = start();
    site.ask(&["reload", "--confirm", "2m"]).expect(0, &[]);
    let page = site.get("/").body;
    let (_, left) = page.split_once("role=\"timer\">").unwrap();
    let (left, _) = left.split_once('<').unwrap();
    assert!((60..=120).contains(&left.parse::<u64>().unwrap()), "{left}");
    let browser = Chromium::start(&site);
    browser.resize(1280, 900);
    browser.open();
    let timer = "document.getElementById('left').textContent";
    let shown = text(&browser, "pending");
    assert!(
        shown.starts_with("Not confirmed: run corexdp confirm within "),
        "{shown}"
    );
    // The page counts without the daemon.
    browser.value("document.getElementById('pause').click()");
    browser.becomes("document.getElementById('live').textContent === 'Paused'");
    let before: u64 = browser.text(timer).parse().unwrap();
    browser.becomes(&format!("{timer} < {}", before - 2));
    is_accessible(&browser);
    browser.picture("pending");
    browser.value("document.getElementById('pause').click()");
    site.ask(&["confirm"]).expect(0, &[]);
    browser.becomes(&format!("!{}", banner("pending")));
    assert_eq!(browser.console(), [""; 0]);
    drop(browser);
    daemon.stop();
}

/// The cell of a verdict of `edge0` in the column `at`.
fn cell(verdict: &str, at: u8) -> String {
    format!("({}.cells[{at}] ?? {{}})", row(verdict))
}

/// The number in a cell, without the prefix `k` of thousands.
fn number(browser: &Chromium<'_>, verdict: &str, at: u8) -> Option<f64> {
    let text = browser.text(&format!("{}.textContent", cell(verdict, at)));
    match text.strip_suffix('k') {
        Some(thousands) => Some(1000.0 * thousands.parse::<f64>().unwrap()),
        None => text.parse().ok(),
    }
}

/// Without scripts the daemon computes the rates, from the packets since an earlier request.
#[test]
fn rates_without_scripts_match_the_packets_sent() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    browser.resize(1280, 900);
    let off = json!({"value": true});
    browser.command("Emulation.setScriptExecutionDisabled", &off);
    let mut begin = Instant::now();
    browser.open();
    let period = "document.querySelector('.soft').textContent";
    assert_eq!(
        browser.text(period),
        "Rates of verdicts from the next refresh on"
    );
    assert_eq!(number(&browser, "drop", 1), None);
    for packets in [3000, 600] {
        send(&site, 1, packets);
        pause(1500);
        let next = Instant::now();
        browser.open();
        // The period began after `begin` and ended before now.
        let least = f64::from(packets) / begin.elapsed().as_secs_f64();
        let most = f64::from(packets) / 1.5;
        let rate = number(&browser, "drop", 1).unwrap();
        assert!(
            (least.floor()..=most).contains(&rate),
            "{least} {rate} {most}"
        );
        // 42 bytes a packet.
        let bits = number(&browser, "drop", 2).unwrap();
        let expected = rate * 8.0 * 42.0;
        assert!(
            (0.98..=1.02).contains(&(bits / expected)),
            "{bits} of {expected}"
        );
        begin = next;
    }
    assert_eq!(number(&browser, "drop", 3), Some(3600.0));
    assert!(
        browser
            .text(period)
            .starts_with("Rates of verdicts over the last ")
    );
    drop(browser);
    daemon.stop();
}

/// The sparkline has the highest rate of the last five minutes as its scale.
#[test]
fn sparkline_has_a_scale() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    browser.open();
    let scale = format!("{}.querySelector('small').textContent", cell("drop", 5));
    browser.becomes(&format!("{scale} === 'max 0/s'"));
    browser.keep(&scale);
    send(&site, 1, 5000);
    browser.becomes(&format!("{}.textContent === '5000'", cell("drop", 3)));
    browser.becomes(&format!("{scale} !== 'max 0/s'"));
    let shown = browser.kept().concat();
    let digits: String = browser
        .text(&scale)
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let most: u64 = digits.parse().unwrap();
    assert!((1..=5000).contains(&most), "{shown}");
    // The line has a point at the upper edge, and the area below ends at the lower edge.
    let points = |shape: &str| {
        browser.text(&format!(
            "{}.querySelector('{shape}').getAttribute('points')",
            cell("drop", 5)
        ))
    };
    assert!(
        points("polyline").contains(",1.0"),
        "{}",
        points("polyline")
    );
    assert!(
        points("polygon").ends_with(" 300,24"),
        "{}",
        points("polygon")
    );
    drop(browser);
    daemon.stop();
}

/// The rows at zero stay unfolded over a refresh; the keyboard unfolds them.
#[test]
fn rows_at_zero_unfold_by_keyboard() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    browser.open();
    let details = "document.querySelector('details')";
    assert_eq!(
        browser.text(&format!("{details}.querySelector('summary').textContent")),
        "3 rows at zero"
    );
    browser.value(&format!("{details}.querySelector('summary').focus()"));
    browser.press(RETURN);
    assert_eq!(browser.value(&format!("{details}.open")), true);
    send(&site, 3, 5);
    browser.becomes(&format!("{}.textContent === '5'", cell("tx", 3)));
    assert_eq!(
        browser.text(&format!("{details}.querySelector('summary').textContent")),
        "2 rows at zero"
    );
    assert_eq!(browser.value(&format!("{details}.open")), true);
    is_accessible(&browser);
    drop(browser);
    daemon.stop();
}
