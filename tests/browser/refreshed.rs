//! The page refreshes in place, and shows when it cannot.

use serde_json::Value;

use crate::chromium::{Chromium, RETURN, TAB};
use crate::{COREFILE, KEY, cell, flood, host, row, second_map, start};
use support::net::pause;
use support::wait::wait_until;

/// The text of the live region, which a screen reader announces.
const LIVE: &str = "document.getElementById('live').textContent";

/// The number in a rate such as `12/s`.
fn number(rate: &str) -> Option<f64> {
    rate.strip_suffix("/s")?.parse().ok()
}

/// The number of requests of the page.
const REQUESTS: &str = "performance.getEntriesByType('resource').length";

/// Waits until the page sends no requests any more, and returns their number. One response may still be under way.
fn requests_end(browser: &Chromium<'_>) -> Value {
    let mut before = browser.value(REQUESTS);
    wait_until("the page sends no requests", || {
        pause(2500);
        let now = browser.value(REQUESTS);
        let last = std::mem::replace(&mut before, now);
        if last == before { Ok(()) } else { Err(last) }
    });
    before
}

#[test]
fn values_are_refreshed_in_place_with_rate_and_sparkline() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    browser.open();
    let (value, rate) = (cell(1), cell(2));
    assert_eq!(browser.text(&format!("{value}.textContent")), "0");
    // A row at zero is folded; it is another element than the row with a number.
    flood(&site, 1);
    browser.becomes(&format!("{value}.textContent === '1'"));
    // An element that keeps its mark was not replaced.
    browser.value(&format!(
        "[{value}.mark = 1, document.querySelector('main').mark = 1]"
    ));
    let shown = format!("{rate}.querySelector('span').textContent");
    browser.keep(&shown);
    flood(&site, 1000);
    browser.becomes(&format!("{value}.textContent === '1001'"));
    assert_eq!(browser.value(&format!("{value}.mark")), 1);
    assert_eq!(browser.value("document.querySelector('main').mark"), 1);
    let points =
        format!("{rate}.querySelector('polyline').getAttribute('points').split(' ').length");
    browser.becomes(&format!("{points} >= 3"));
    // Without further packets the rate is zero, and the sparkline still shows the earlier rate.
    browser.becomes(&format!("{shown} === '0/s'"));
    // A busy machine may show the packets in several steps; the top of the sparkline is the highest rate.
    let steps = browser.kept();
    let rates = steps.iter().filter_map(|step| number(step).zip(Some(step)));
    let highest = rates.max_by(|one, other| one.0.total_cmp(&other.0));
    let (rate_seen, per_second) = highest.unwrap();
    assert!((10.0..=1000.0).contains(&rate_seen), "{steps:?}");
    let label = browser.text(&format!(
        "{rate}.querySelector('svg').getAttribute('aria-label')"
    ));
    assert_eq!(label, format!("last 5 minutes: 0/s to {per_second}"));
    assert_eq!(browser.console(), [""; 0]);
    drop(browser);
    daemon.stop();
}

#[test]
fn large_numbers_and_log_lines_are_exact() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    browser.open();
    let first = row("coredns_ebpf_first");
    let value = format!("{first}.cells[1].textContent");
    let map = second_map(&site);
    map.update(KEY, "ff ff ff ff ff ff ff ff");
    browser.becomes(&format!("{value} === '18446744073709551615'"));
    browser.keep(&format!("{first}.querySelector('span').textContent"));
    map.update(KEY, "fe ff ff ff ff ff ff ff");
    browser.becomes(&format!("{value} === '18446744073709551614'"));
    // The difference of two 64-bit numbers is exact.
    let rates = browser.kept();
    let exact = |text: &String| number(text).is_some_and(|rate| (-1.0..0.0).contains(&rate));
    assert!(rates.iter().any(exact), "{rates:?}");

    site.folder
        .write("Corefile", &COREFILE.replace("acl_trusted", "acl-trusted"));
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.line("reload: nothing was changed");
    let text = "document.querySelector('main').textContent";
    for part in [
        "reload: nothing was changed",
        "is not a metric name",
        "The last reload failed",
    ] {
        browser.becomes(&format!("{text}.includes('{part}')"));
    }
    browser.resize(1000, 900);
    browser.picture("reload-failed");
    assert_eq!(browser.console(), [""; 0]);
    drop(browser);
    daemon.stop();
}

#[test]
fn page_shows_a_lost_and_a_returned_daemon() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    browser.resize(1000, 900);
    browser.open();
    site.server.run("ip link delete edge1");
    let host = host();
    browser.becomes(&format!(
        "document.title === '{host}: NOT filtering - corexdp'"
    ));
    assert_eq!(
        browser.text("document.querySelector('.state').textContent"),
        "NOT filtering edge1 filtered: edge0"
    );
    browser.picture("not-attached");
    daemon.stop();
    browser.becomes(&format!("document.title === '{host}: no answer - corexdp'"));
    let shown = browser.text(LIVE);
    assert!(shown.starts_with("No answer since 2"), "{shown}");
    browser.picture("no-answer");
    // The console contains refused connections and perhaps one that ended with the daemon, and nothing else.
    for line in browser.console() {
        let known = [
            "ERR_CONNECTION_REFUSED",
            "ERR_CONNECTION_RESET",
            "ERR_EMPTY_RESPONSE",
        ];
        assert!(known.iter().any(|error| line.contains(error)), "{line}");
    }
    site.add_wire("edge1", "cli1");
    let daemon = site.start(&[]).attached(2);
    browser.becomes(&format!("{LIVE} === 'Refreshed every 2 s'"));
    browser.becomes(&format!("document.title === '{host}: Filtering - corexdp'"));
    browser.becomes("!document.documentElement.classList.contains('stale')");
    drop(browser);
    daemon.stop();
}

#[test]
fn page_polls_only_while_visible_and_not_paused() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    browser.open();
    let focused = "document.activeElement.textContent";
    for expected in ["Pause", "Refresh", "Metrics"] {
        browser.press(TAB);
        assert_eq!(browser.text(focused), expected);
        let seen = browser.text("getComputedStyle(document.activeElement).outlineStyle");
        assert_eq!(seen, "solid", "the focus is not visible at {expected}");
    }
    browser.value("document.getElementById('pause').focus()");
    browser.press(RETURN);
    assert_eq!(browser.text(focused), "Resume");
    let requests = requests_end(&browser);
    flood(&site, 10);
    let value = format!("{}.textContent", cell(1));
    pause(2500);
    assert_eq!(browser.value(REQUESTS), requests);
    assert_eq!(browser.text(&value), "0");
    assert_eq!(browser.text(LIVE), "Paused");
    browser.press(RETURN);
    browser.becomes(&format!("{value} === '10'"));
    // A refresh keeps the focus.
    assert_eq!(browser.text(focused), "Pause");

    browser.hide(true);
    let before = requests_end(&browser);
    assert_eq!(browser.value(REQUESTS), before);
    browser.hide(false);
    browser.becomes(&format!("{REQUESTS} > {before}"));
    drop(browser);
    daemon.stop();
}
