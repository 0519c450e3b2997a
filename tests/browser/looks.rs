//! The look of the page: on a desktop, on a phone, in dark mode, without scripts; and no foreign content gets in.

use serde_json::json;

use crate::chromium::{Chromium, STRANGER};
use crate::{KEY, flood, second_map, start};
use support::net::Site;

/// Some packets, so that there is something to see.
fn some_traffic(site: &Site, browser: &Chromium<'_>) {
    for packets in [1200, 700] {
        let row = "document.querySelectorAll('tbody tr')[1]";
        let seen = browser.text(&format!("{row}.cells[1].textContent"));
        flood(site, packets);
        browser.becomes(&format!("{row}.cells[1].textContent !== '{seen}'"));
    }
}

/// Looks whether the page has, for a screen reader, the parts that it has for the eye.
fn heard_in(browser: &Chromium<'_>) {
    let parts = browser.heard();
    for (role, name) in [
        ("heading", "corexdp"),
        ("heading", "edge0"),
        ("heading", "Log, newest first"),
        ("button", "Pause"),
        ("link", "Metrics"),
        ("table", "Metrics of edge0"),
        ("columnheader", "Value"),
        (
            "rowheader",
            "Packets passed from 198.51.100.7. coredns_ebpf_acl_trusted_packets",
        ),
        ("image", "last minute: 0/s to 0/s"),
        ("meter", "xdp_map"),
    ] {
        let part = (role.to_owned(), name.to_owned());
        assert!(parts.contains(&part), "{part:?}: {parts:#?}");
    }
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
    assert_eq!(browser.text(paper), "rgb(255, 255, 255)");
    browser.picture("desk");
    heard_in(&browser);
    browser.prefer("dark");
    assert_eq!(browser.text(paper), "rgb(17, 20, 24)");
    browser.picture("dark");
    browser.prefer("light");
    // The longest number there is.
    second_map(&site).update(KEY, "ff ff ff ff ff ff ff ff");
    browser.becomes("document.body.textContent.includes('18446744073709551615')");
    for width in [360, 320] {
        browser.resize(width, 740);
        let wide = browser.value("document.documentElement.scrollWidth");
        assert_eq!(
            wide, width,
            "what {width} pixels do not hold must be scrolled for"
        );
    }
    browser.resize(360, 740);
    browser.picture("phone");
    // A screen reader finds the same parts on a phone.
    heard_in(&browser);
    assert_eq!(browser.console(), [""; 0]);
    drop(browser);
    daemon.stop();
}

#[test]
fn without_scripts_all_but_rates_is_shown() {
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
    let said = browser.text("document.body.innerText");
    for part in [
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
        assert!(said.contains(part), "{part}: {said}");
    }
    for part in ["Pause", "Rate", "Refreshed"] {
        assert!(!said.contains(part), "{part}: {said}");
    }
    browser.picture("no-script");
    assert_eq!(browser.console(), [""; 0]);
    drop(browser);
    daemon.stop();
}

/// Also shows that the console, which other tests find empty, is heard.
#[test]
fn foreign_content_is_blocked() {
    let (site, daemon) = start();
    let page = site.get("/");
    assert!(page.body.len() < 16_000, "{} bytes", page.body.len());
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
    for (tag, attribute, told) in [
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
        let said = browser.console().join("\n");
        assert!(said.contains(told), "{tag}: {said}");
    }
    assert_eq!(browser.value("window.foreign === undefined"), true);
    drop(browser);
    daemon.stop();
}

/// DNS rebinding: the name of a stranger's site resolves to the box, so a script of the site has the page's origin.
#[test]
fn script_of_a_rebound_name_reads_nothing() {
    let (site, daemon) = start();
    let browser = Chromium::start(&site);
    for path in ["/", "/status", "/metrics"] {
        browser.open_by(STRANGER, path);
        let shown = browser.text("document.body.textContent");
        assert!(shown.starts_with("unknown host name; "), "{path}: {shown}");
        for asked in ["/", "/status", "/metrics"] {
            browser.value(&format!(
                "window.status = '', fetch('{asked}').then((r) => {{ window.status = String(r.status); }})"
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
