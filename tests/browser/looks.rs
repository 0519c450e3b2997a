//! The appearance of the page: on a desktop, on a phone, in dark mode, without scripts; and the protection against
//! foreign content.

use serde_json::json;

use crate::axe::is_accessible;
use crate::chromium::{Chromium, FOREIGN_HOST, RETURN, TAB};
use crate::{KEY, cell, flood, host, second_map, start};
use support::net::Site;
use support::wait::wait_until;

/// Sends some packets, so that rates and counters are not zero.
fn some_traffic(site: &Site, browser: &Chromium<'_>) {
    for packets in [1200, 700] {
        let value = format!("{}.textContent", cell(1));
        let seen = browser.text(&value);
        flood(site, packets);
        browser.becomes(&format!("{value} !== '{seen}'"));
    }
}

/// Waits until the accessibility tree has a part for each visible part of the page.
fn has_all_parts(browser: &Chromium<'_>) {
    let title = format!("{} corexdp", host());
    for (role, name) in [
        ("heading", title.as_str()),
        ("heading", "edge0"),
        ("heading", "Log, newest first"),
        ("button", "Pause"),
        ("link", "Metrics"),
        ("table", "Verdicts of edge0"),
        ("rowheader", "drop"),
        ("columnheader", "Packets/s"),
        ("table", "Metrics of edge0"),
        ("columnheader", "Value"),
        (
            "rowheader",
            "Packets dropped from 198.51.100.0/24. coredns_ebpf_acl_ip4_dropped_packets",
        ),
        ("image", "last 5 minutes: 0/s to 0/s"),
        ("DisclosureTriangle", "5 rows at zero"),
        ("meter", "xdp_map"),
    ] {
        let part = (role.to_owned(), name.to_owned());
        wait_until(&format!("{part:?} is accessible"), || {
            let parts = browser.accessible_parts();
            if parts.contains(&part) {
                Ok(())
            } else {
                Err(parts)
            }
        });
    }
    let parts = browser.accessible_parts();
    assert!(parts.iter().any(|(role, _)| role == "status"), "{parts:#?}");
}

#[test]
fn page_fits_desktop_phone_and_dark_mode() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    browser.resize(1000, 900);
    browser.prefer("light");
    browser.open();
    some_traffic(&site, &browser);
    let paper = "getComputedStyle(document.body).backgroundColor";
    browser.becomes(&format!("{paper} === 'rgb(255, 255, 255)'"));
    browser.picture("desk");
    has_all_parts(&browser);
    is_accessible(&browser);
    browser.prefer("dark");
    browser.becomes(&format!("{paper} === 'rgb(17, 20, 24)'"));
    browser.picture("dark");
    browser.prefer("light");
    // The longest possible number.
    second_map(&site).update(KEY, "ff ff ff ff ff ff ff ff");
    browser.becomes("document.body.textContent.includes('18446744073709551615')");
    for width in [360, 320] {
        browser.resize(width, 740);
        // The page must not need horizontal scrolling.
        browser.becomes(&format!("document.documentElement.scrollWidth === {width}"));
    }
    browser.resize(360, 740);
    browser.picture("phone");
    // A screen reader finds the same parts on a phone.
    has_all_parts(&browser);
    is_accessible(&browser);
    assert_eq!(browser.console(), [""; 0]);
    drop(browser);
    daemon.stop();
}

#[test]
fn page_without_scripts_shows_all_but_sparklines() {
    let (site, daemon) = start();
    flood(&site, 7);
    site.metric_becomes("coredns_ebpf_acl_ip4_dropped_packets", 7);
    let browser = Chromium::start(&site);
    browser.resize(1000, 900);
    browser.command(
        "Emulation.setScriptExecutionDisabled",
        &json!({"value": true}),
    );
    browser.open();
    // The keyboard unfolds the rows at zero.
    for _ in ["Refresh", "Metrics", "5 rows at zero"] {
        browser.press(TAB);
    }
    browser.press(RETURN);
    let shown = browser.text("document.body.innerText");
    for part in [
        "5 rows at zero",
        "Filtering edge0, edge1",
        "in native mode",
        "in generic mode",
        "native mode was refused: veth: Peer MTU is too large to set XDP",
        "Packets dropped from 2001:db8:bad::/48, <i>\"all\"</i> of them.",
        "coredns_ebpf_acl_ip4_dropped_packets",
        "1 of 64 entries",
        "edge0: attached xdp_prog",
        "Runs since",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for part in ["Pause", "Rate, ", "5 minutes", "Refreshed"] {
        assert!(!shown.contains(part), "{part}: {shown}");
    }
    browser.picture("no-script");
    assert_eq!(browser.console(), [""; 0]);
    drop(browser);
    daemon.stop();
}

/// Also shows that the console reports violations, since other tests require it to be empty.
#[test]
fn foreign_content_is_blocked() {
    let (site, daemon) = start();
    let page = site.get("/");
    assert!(page.body.len() < 24_000, "{} bytes", page.body.len());
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    let browser = Chromium::start(&site);
    browser.open();
    assert_eq!(browser.console(), [""; 0]);
    for (tag, attribute, directive) in [
        ("script", "textContent = 'window.foreign = 1'", "script-src"),
        ("style", "textContent = 'h1 { color: red }'", "style-src"),
        ("img", "src = '/metrics'", "img-src"),
        ("iframe", "src = '/'", "default-src"),
        ("base", "href = 'http://127.0.0.2/'", "base-uri"),
    ] {
        let add = format!(
            "((e) => {{ e.{attribute}; document.body.append(e); }})(document.createElement('{tag}'))"
        );
        browser.value(&add);
        wait_until(&format!("the console reports {directive}"), || {
            let messages = browser.console().join(
                "\
        ",
            );
            if messages.contains(directive) {
                Ok(())
            } else {
                Err(messages)
            }
        });
    }
    assert_eq!(browser.value("window.foreign === undefined"), true);
    drop(browser);
    daemon.stop();
}

/// DNS rebinding: a foreign host name resolves to the box, so a script of that site has the origin of the page.
#[test]
fn script_of_a_rebound_host_name_reads_nothing() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    for path in ["/", "/status", "/metrics"] {
        browser.open_by(FOREIGN_HOST, path);
        let shown = browser.text("document.body.textContent");
        assert!(shown.starts_with("unknown host name; "), "{path}: {shown}");
        for requested in ["/", "/status", "/metrics"] {
            browser.value(&format!(
                "window.status = '', fetch('{requested}').then((r) => {{ window.status = String(r.status); }})"
            ));
            browser.becomes("window.status === '421'");
        }
    }
    browser.open_by("localhost", "/status");
    let shown = browser.text("document.body.textContent");
    assert!(shown.contains("edge0"), "{shown}");
    drop(browser);
    daemon.stop();
}
