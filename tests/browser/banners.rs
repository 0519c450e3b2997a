//! Banners: states that need a person. Each has its own colour, and is readable on a phone and in dark mode.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::axe::is_accessible;
use crate::chromium::Chromium;
use support::net::{Daemon, Site};
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
    assert!(refused.stderr.contains("nonsense"), "{refused:?}");
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

/// Packets per second of a verdict in the table of `edge0`.
fn rate(browser: &Chromium<'_>, verdict: &str) -> Option<f64> {
    let cell = format!(
        "document.querySelector('.verdicts').querySelector('tbody').textContent && \
         [...document.querySelectorAll('.verdicts tbody tr')].find((row) => row.cells[0].textContent === '{verdict}').cells[1].textContent"
    );
    browser.text(&cell).parse().ok()
}

#[test]
fn rates_match_the_packets_sent() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    browser.resize(1280, 900);
    browser.command(
        "Emulation.setScriptExecutionDisabled",
        &json!({"value": true}),
    );
    browser.open();
    assert_eq!(rate(&browser, "drop"), None);
    drop(browser);
    daemon.stop();
}
