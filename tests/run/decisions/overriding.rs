//! Decisions and the entries of lines and lists: which of them a decision overrides, and which is in the way of `delete`.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, SystemTime};

use super::{blocks, kept, start};
use support::net::{Daemon, Site, finish_with};

const NETWORKS: &str = "    entry 192.0.2.128/25 action=ACL_PASS
    list allow action=ACL_PASS
    list feed action=ACL_DROP
";
const NAMES: &str = "    list allow as domains action=QNAME_PASS
    list feed as domains action=QNAME_DROP
";

fn running(object: &str, lines: &str, allow: &str, feed: &str) -> (Site, Daemon) {
    let site = Site::new();
    site.folder.shipped(object);
    site.folder.write("allow", allow);
    site.folder.write("feed", feed);
    let corefile = format!(
        ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf {object}.o\n{lines}  }}\n}}\n"
    );
    let daemon = site.run(&corefile).attached(1);
    (site, daemon)
}

fn networks() -> (Site, Daemon) {
    running(
        "acl",
        NETWORKS,
        "# upstreams\n192.0.2.1\n198.51.100.0/24\n",
        "203.0.113.0/24\n",
    )
}

fn names() -> (Site, Daemon) {
    running("qname", NAMES, "good.example\n", "bad.example\n")
}

/// Path of a file in the site's folder, as messages show it.
fn path(site: &Site, name: &str) -> String {
    site.folder.file(name).display().to_string()
}

/// Adds a decision, which warns of this entry or of none.
fn add(site: &Site, key: &str, field: &str, overridden: Option<(&str, &str)>) {
    let outcome = site.decide(&["add", key, field]);
    let warning = overridden.map(|(place, entry)| {
        let (name, line) = place.split_once(':').unwrap();
        let word = outcome.stdout.split(' ').nth(3).unwrap();
        let place = path(site, name);
        format!("corexdp: add: warning: {word} overrides {place}:{line}: {entry}")
    });
    let lines: Vec<&str> = warning.iter().map(String::as_str).collect();
    outcome.expect(0, &lines);
}

#[test]
fn add_warns_of_networks_that_it_overrides() {
    let (site, daemon) = networks();
    let upstream = ("allow:2", "entry 192.0.2.1/32 action=ACL_PASS");
    let allowed = ("allow:3", "entry 198.51.100.0/24 action=ACL_PASS");
    let listed = ("feed:1", "entry 203.0.113.0/24 action=ACL_DROP");
    let line = ("Corefile:6", "entry 192.0.2.128/25 action=ACL_PASS");
    for (key, action, overridden) in [
        ("192.0.2.1", "DROP", Some(upstream)),
        ("198.51.100.7", "DROP", Some(allowed)),
        ("198.51.100.8", "PASS", None),
        ("203.0.113.7", "DROP", None),
        ("203.0.113.7", "PASS", Some(listed)),
        ("203.0.0.0/16", "PASS", Some(listed)),
        ("192.0.2.200", "DROP", Some(line)),
        ("192.0.2.128/25", "DROP", Some(line)),
        ("192.0.2.0/24", "DROP", Some(upstream)),
        ("192.0.0.0/8", "DROP", Some(upstream)),
        // A line about a smaller network is preferred to a decision.
        ("192.0.2.128/26", "PASS", None),
        ("10.0.0.0/8", "DROP", None),
    ] {
        add(&site, key, &format!("action=ACL_{action}"), overridden);
    }
    let first = format!(
        "corexdp: add: warning: 0.0.0.0/0 overrides {}:2: entry 192.0.2.1/32 action=ACL_PASS",
        path(&site, "allow")
    );
    let others = "corexdp: add: warning: decisions override 1 more entry of other actions";
    site.decide(&["add", "0.0.0.0/0", "action=ACL_DROP"])
        .expect(0, &[&first, others]);
    daemon.stop();
}

#[test]
fn add_warns_of_names_that_it_overrides() {
    let (site, daemon) = names();
    let allowed = Some(("allow:1", "entry good.example action=QNAME_PASS"));
    for (key, action, overridden) in [
        ("good.example", "DROP", allowed),
        ("www.good.example", "DROP", allowed),
        ("example", "DROP", allowed),
        ("www.good.example", "PASS", None),
        ("bad.example", "DROP", None),
        ("other.example", "DROP", None),
    ] {
        add(&site, key, &format!("action=QNAME_{action}"), overridden);
    }
    daemon.stop();
}

#[test]
fn batch_names_the_first_five_overridden_entries() {
    let (site, daemon) = networks();
    let mut text = "10.1.1.1 action=ACL_DROP\n".to_owned();
    for last in 2..10 {
        writeln!(text, "198.51.100.{last} action=ACL_DROP").unwrap();
    }
    let allow = path(&site, "allow");
    let mut expected: Vec<_> = (2..7)
        .map(|line| {
            format!("-:{line}: warning: 198.51.100.{line}/32 overrides {allow}:3: entry 198.51.100.0/24 action=ACL_PASS")
        })
        .collect();
    expected.push(
        "corexdp: add: warning: decisions override 3 more entries of other actions".to_owned(),
    );
    let lines: Vec<&str> = expected.iter().map(String::as_str).collect();
    finish_with(&mut site.deciding(&["add", "-"]), &text).expect(0, &lines);
    assert_eq!(kept(&site).len(), 9);
    daemon.stop();
}

#[test]
fn delete_names_the_line_of_an_entry() {
    let (site, daemon) = networks();
    let refused = |key: &str, message: &str| {
        let message = format!("corexdp: delete: no decision about {key} in xdp_map{message}");
        site.decide(&["delete", key]).expect(1, &[&message]);
    };
    let (feed, corefile) = (path(&site, "feed"), path(&site, "Corefile"));
    refused(
        "203.0.113.7/32",
        &format!(
            "; {feed}:1 has 203.0.113.0/24: change it there, and reload, or `corexdp add 203.0.113.7/32 action=ACL_PASS`"
        ),
    );
    refused(
        "192.0.2.128/25",
        &format!("; {corefile}:6 has 192.0.2.128/25: change it there, and reload"),
    );
    refused("10.0.0.1/32", "");
    site.decide(&["add", "10.0.0.0/8", "action=ACL_DROP"])
        .expect(0, &[]);
    refused(
        "10.0.0.1/32",
        "; the decision about 10.0.0.0/8 decides about it",
    );
    daemon.stop();
    let (site, daemon) = names();
    let feed = path(&site, "feed");
    site.decide(&["delete", "www.bad.example"]).expect(
        1,
        &[&format!("corexdp: delete: no decision about www.bad.example in xdp_map; {feed}:1 has bad.example: change it there, and reload, or `corexdp add www.bad.example action=QNAME_PASS`")],
    );
    daemon.stop();
}

/// A map, not a table: a decision does not replace an entry.
#[test]
fn key_of_an_entry_is_refused_with_its_line() {
    let site = blocks();
    let daemon = start(&site, "    entry 192.0.2.0/24 action=BLOCK_DROP\n");
    let corefile = path(&site, "Corefile");
    for words in [
        &["add", "192.0.2.0/24", "action=BLOCK_PASS"][..],
        &["delete", "192.0.2.0/24"],
    ] {
        let verb = words[0];
        site.decide(words).expect(
            69,
            &[&format!("corexdp: {verb}: 192.0.2.0/24 is given by {corefile}:6; change it there, and reload")],
        );
    }
    site.decide(&["delete", "192.0.2.7"]).expect(
        1,
        &[&format!("corexdp: delete: no decision about 192.0.2.7/32 in xdp_map; {corefile}:6 has 192.0.2.0/24: change it there, and reload")],
    );
    daemon.stop();
}

#[test]
fn test_says_that_a_list_has_changed() {
    let (site, daemon) = networks();
    let feed = path(&site, "feed");
    let write = |text: &str, seconds: u64| {
        site.folder.write("feed", text);
        let file = fs::File::options().write(true).open(&feed).unwrap();
        let time = SystemTime::now() + Duration::from_secs(seconds);
        file.set_modified(time).unwrap();
    };
    write("203.0.112.0/24\n", 10);
    site.ask(&["test", "203.0.112.7"]).expect(
        1,
        &[&format!("corexdp: no entry decides about 203.0.112.7; {feed} has changed since the daemon read it: reload")],
    );
    let tested = site.ask(&["test", "203.0.113.7"]).stdout;
    let changed = format!("# no longer in the Corefile or a list; {feed} has changed: reload\n");
    assert!(tested.ends_with(&changed), "{tested}");
    // A reload that fails reads nothing.
    write("<html>\n", 20);
    assert_eq!(site.ask(&["reload"]).code, Some(78));
    let tested = site.ask(&["test", "203.0.113.7"]).stdout;
    assert!(tested.ends_with(&changed), "{tested}");
    write("203.0.112.0/24\n", 30);
    site.ask(&["reload"]).expect(0, &[]);
    site.ask(&["test", "203.0.113.7"])
        .expect(1, &["corexdp: no entry decides about 203.0.113.7"]);
    let tested = site.ask(&["test", "203.0.112.7"]).stdout;
    assert!(tested.ends_with(&format!("# {feed}:1\n")), "{tested}");
    daemon.stop();
}
