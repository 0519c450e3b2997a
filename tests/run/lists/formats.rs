//! Files in the shape of published lists, in `tests/lists`: their entries, and what is skipped and why.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{corefile, dump, site};
use support::net::{Corexdp, Site, finish};

/// Puts a list into the folder of the site.
fn add(site: &Site, name: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/lists")
        .join(name);
    fs::copy(source, site.folder.file(name)).unwrap();
}

/// What `check --json` says about the only list.
fn checked(site: &Site) -> Value {
    let outcome = finish(&mut Corexdp::command(
        site.folder.path(),
        &["check", "--json"],
    ));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let [list] = &found["filters"][0]["lists"].as_array().unwrap()[..] else {
        panic!("{found}");
    };
    list.clone()
}

/// Checks and loads a list, and compares the entries of the map.
fn check(
    map: &str,
    name: &str,
    more: &str,
    format: &str,
    entries: &[&str],
    skipped: &[(&str, u64)],
) {
    let site = site();
    add(&site, name);
    let text = corefile(&format!("list @{map} {name} {more}"));
    site.folder.write("Corefile", &text);
    let list = checked(&site);
    let reasons: Vec<_> = skipped
        .iter()
        .map(|(reason, lines)| json!({ "reason": reason, "lines": lines }))
        .collect();
    assert_eq!(list["format"], format, "{list}");
    assert_eq!(list["reasons"], json!(reasons), "{list}");
    let lines: u64 = skipped.iter().map(|(_, lines)| lines).sum();
    assert_eq!(list["skipped"], lines, "{list}");
    let outcome = finish(&mut Corexdp::command(site.folder.path(), &["check"]));
    assert!(
        outcome.stdout.contains(&format!("format {format}, ")),
        "{outcome:#?}"
    );
    let daemon = site.run(&text).attached(1);
    let mut expected: Vec<_> = entries
        .iter()
        .map(|entry| format!("entry @{map} {entry}"))
        .collect();
    expected.sort_unstable();
    assert_eq!(dump(&site), expected, "{name}");
    daemon.stop();
}

const DROP: &str = "verdict=VERDICT_DROP";

#[test]
fn spamhaus_drop() {
    check(
        "networks",
        "spamhaus-drop.txt",
        DROP,
        "cidr",
        &[
            "192.0.2.0/25 verdict=VERDICT_DROP",
            "198.51.100.0/24 verdict=VERDICT_DROP",
            "203.0.113.0/26 verdict=VERDICT_DROP",
            "203.0.113.64/27 verdict=VERDICT_DROP",
        ],
        &[],
    );
    check(
        "networks",
        "spamhaus-dropv6.json",
        DROP,
        "drop-json",
        &[
            "2001:db8:10::/48 verdict=VERDICT_DROP",
            "2001:db8:2000::/36 verdict=VERDICT_DROP",
        ],
        &[],
    );
}

#[test]
fn lists_of_networks() {
    check(
        "networks",
        "firehol_level1.netset",
        DROP,
        "cidr",
        &[
            "0.0.0.0/8 verdict=VERDICT_DROP",
            "10.0.0.0/8 verdict=VERDICT_DROP",
            "127.0.0.0/8 verdict=VERDICT_DROP",
            "169.254.0.0/16 verdict=VERDICT_DROP",
            "192.0.2.77/32 verdict=VERDICT_DROP",
            "198.51.100.0/24 verdict=VERDICT_DROP",
        ],
        &[],
    );
    check(
        "networks",
        "country-zz.zone",
        DROP,
        "cidr",
        &[
            "192.0.2.0/24 verdict=VERDICT_DROP",
            "198.51.100.128/25 verdict=VERDICT_DROP",
            "203.0.113.0/24 verdict=VERDICT_DROP",
            "2001:db8::/32 verdict=VERDICT_DROP",
        ],
        &[],
    );
}

#[test]
fn map_of_addresses_takes_single_ones() {
    check(
        "addresses",
        "ipset-save.txt",
        DROP,
        "ipset",
        &[
            "192.0.2.1 verdict=VERDICT_DROP",
            "203.0.113.5 verdict=VERDICT_DROP",
        ],
        &[
            ("an option that a packet filter cannot apply", 1),
            ("a network, for a map of single addresses", 1),
        ],
    );
    check(
        "addresses",
        "spamhaus-dropv6.json",
        DROP,
        "drop-json",
        &[],
        &[("a network, for a map of single addresses", 2)],
    );
}

#[test]
fn lists_of_names() {
    check(
        "names",
        "stevenblack-hosts",
        DROP,
        "hosts",
        &[
            "_thums.ero-advertising.example verdict=VERDICT_DROP exact=true",
            "ck.ads.example verdict=VERDICT_DROP exact=true",
            "fr.a2dfp.example verdict=VERDICT_DROP exact=true",
            "mfr.a2dfp.example verdict=VERDICT_DROP exact=true",
        ],
        &[],
    );
    check(
        "names",
        "oisd_small_domainswild.txt",
        DROP,
        "domains",
        &[
            "0.beer.example verdict=VERDICT_DROP",
            "ads.example verdict=VERDICT_DROP",
            "analytics.example verdict=VERDICT_DROP",
            "zip verdict=VERDICT_DROP",
        ],
        &[],
    );
    check(
        "names",
        "oisd_domains.txt",
        "exact=true verdict=VERDICT_NXDOMAIN",
        "domains",
        &[
            "0.beer.example verdict=VERDICT_NXDOMAIN exact=true",
            "ads.example verdict=VERDICT_NXDOMAIN exact=true",
            "xn--bcher-werbung-wob.example verdict=VERDICT_NXDOMAIN exact=true",
        ],
        &[],
    );
}

#[test]
fn filter_of_an_ad_blocker() {
    check(
        "names",
        "adguard-dns.txt",
        DROP,
        "adblock",
        &[
            "ads.example verdict=VERDICT_DROP",
            "adtrack.example verdict=VERDICT_DROP",
            "good.ads.example verdict=VERDICT_PASS",
            "telemetry.example verdict=VERDICT_DROP",
        ],
        &[
            ("a rule about more than a name", 3),
            ("an option that a packet filter cannot apply", 2),
        ],
    );
}

#[test]
fn response_policy_zones() {
    check(
        "names",
        "urlhaus.rpz",
        "",
        "rpz",
        &[
            "malware.example verdict=VERDICT_NXDOMAIN exact=true",
            "testentry.rpz.urlhaus.example verdict=VERDICT_NXDOMAIN exact=true",
            "www.malware.example verdict=VERDICT_NXDOMAIN exact=true",
        ],
        &[],
    );
    check(
        "names",
        "policy.rpz",
        "",
        "rpz",
        &[
            "absolute.example verdict=VERDICT_NXDOMAIN exact=true",
            "ads.example verdict=VERDICT_NXDOMAIN",
            "flood.example verdict=VERDICT_DROP exact=true",
            "good.ads.example verdict=VERDICT_PASS exact=true",
        ],
        &[
            ("a trigger other than the name of a query", 3),
            ("a name with data of its own", 2),
            ("no action of the program ends in _NODATA", 1),
            ("no action of the program ends in _TRUNCATE", 1),
            ("only names below, which the program cannot tell apart", 1),
        ],
    );
    // FIELD=VALUE is the value of all but PASSTHRU.
    check(
        "names",
        "policy.rpz",
        "as rpz verdict=VERDICT_DROP packets=7",
        "rpz",
        &[
            "absolute.example verdict=VERDICT_DROP exact=true packets=7",
            "ads.example verdict=VERDICT_DROP packets=7",
            "flood.example verdict=VERDICT_DROP exact=true packets=7",
            "good.ads.example verdict=VERDICT_PASS exact=true",
            "nodata.example verdict=VERDICT_DROP exact=true packets=7",
            "tcp.example verdict=VERDICT_DROP exact=true packets=7",
        ],
        &[
            ("a trigger other than the name of a query", 3),
            ("a name with data of its own", 2),
            ("only names below, which the program cannot tell apart", 1),
        ],
    );
}

#[test]
fn skipped_lines_are_warnings_with_the_first_five_places() {
    let site = site();
    let lines: Vec<_> = (0..9).map(|number| format!("bad{number}\u{7}\n")).collect();
    let lines = lines.concat();
    site.folder
        .write("block", &format!("{lines}10.11.0.0/16\n"));
    site.folder.write(
        "Corefile",
        &corefile("list @networks block as cidr verdict=VERDICT_DROP"),
    );
    let outcome = finish(&mut Corexdp::command(site.folder.path(), &["check"]));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 7, "{lines:#?}");
    assert!(
        lines[0].contains("block has more skipped lines than entries; the format is cidr, `as FORMAT` sets another"),
        "{lines:#?}"
    );
    assert!(
        lines[1].ends_with("block: skipped lines: 9: no address, prefix or range (9)"),
        "{lines:#?}"
    );
    assert!(
        lines[2].ends_with("block:1: skipped: no address, prefix or range: \"bad0\\u{7}\""),
        "{lines:#?}"
    );
}
