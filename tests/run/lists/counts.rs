//! Numbers of entries: `check`, the log, `status`, the page and `dump` agree.

use std::fs;

use serde_json::Value;

use support::net::{Corexdp, Site, finish};

/// Number of entry lines of `dump`, those of decisions included.
fn dumped(site: &Site) -> usize {
    let text = site.ask(&["dump"]).stdout;
    let lines = text.lines().map(str::trim_start);
    lines.filter(|line| line.starts_with("entry")).count()
}

/// Numbers of entries and decisions of the map in the status, and of entries and skipped lines of the lists.
fn status(site: &Site, map_name: &str) -> (u64, u64, Vec<(u64, u64)>) {
    let status: Value = serde_json::from_str(&site.ask(&["status", "--json"]).stdout).unwrap();
    let filter = &status["filters"][0];
    let number = |value: &Value, name: &str| value[name].as_u64().unwrap();
    let maps = filter["maps"].as_array().unwrap();
    let table = maps.iter().find(|map| map["name"] == map_name).unwrap();
    let lists = filter["lists"].as_array().unwrap().iter();
    let lists = lists.map(|list| (number(list, "entries"), number(list, "skipped")));
    (
        number(table, "entries"),
        number(table, "decisions"),
        lists.collect(),
    )
}

/// Checks the numbers of a table whose lines and lists `one` and `two` have `given` items, of which `merged` are left out.
fn agree(object: &str, lines: &str, lists: [&str; 2], decision: &[&str], given: u64, merged: u64) {
    let site = Site::new();
    site.folder.shipped(object);
    for (name, text) in ["one", "two"].into_iter().zip(lists) {
        fs::write(site.folder.file(name), text).unwrap();
    }
    let text = format!(". {{\nprometheus\nebpf {{\nelf {object}.o\nif edge0\n{lines}\n}}\n}}\n");
    site.folder.write("Corefile", &text);
    let left = given - merged;
    let counted =
        format!("list: {object} xdp_map: {left} entries, without {merged} that others cover");
    let check = finish(&mut Corexdp::command(site.folder.path(), &["check"]));
    assert!(check.stdout.contains(&counted), "{counted}: {check:#?}");
    for list in ["one: format", "two: format"] {
        assert!(check.stdout.contains(list), "{check:#?}");
    }
    let daemon = site.run(&text).attached(1);
    daemon.line(&counted);
    let (entries, decisions, listed) = status(&site, "xdp_map");
    assert_eq!((entries, decisions), (left, 0));
    let sum: u64 = listed.iter().map(|(entries, _)| entries).sum();
    // One line of the Corefile.
    assert_eq!(sum + 1, given);
    assert_eq!(listed.iter().map(|(_, skipped)| skipped).sum::<u64>(), 1);
    assert_eq!(dumped(&site) as u64, left);
    // A decision is counted beside the entries.
    site.decide(&[&["add"], decision].concat()).expect(0, &[]);
    assert_eq!(status(&site, "xdp_map"), (left, 1, listed));
    assert_eq!(dumped(&site) as u64, left + 1);
    daemon.stop();
}

#[test]
fn networks_are_counted_after_merging() {
    agree(
        "acl",
        "entry 10.9.0.0/16 action=ACL_PASS\nlist one action=ACL_DROP\nlist two action=ACL_DROP",
        [
            // One network twice, one with host bits, one inside another, one inside the line, and a bad line.
            "10.1.0.0/16\n10.1.0.0/16\n10.1.2.3/24\n10.9.1.0/24\n10.2.0.0/16\nbad\n",
            "10.2.0.0/16\n10.2.3.0/24\n10.3.0.0/16\n",
        ],
        &["10.200.0.1", "action=ACL_DROP"],
        9,
        5,
    );
}

#[test]
fn names_are_counted_after_merging() {
    agree(
        "qname",
        "entry line.example action=QNAME_PASS\nlist one action=QNAME_DROP\nlist two action=QNAME_DROP",
        [
            "a.example\na.example\nwww.a.example\nx.line.example\nb.example\nbad\n",
            "b.example\nwww.b.example\nc.example\n",
        ],
        &["d.example", "action=QNAME_DROP"],
        9,
        5,
    );
}

#[test]
fn decisions_are_entries_of_a_trie() {
    let site = super::site();
    fs::write(site.folder.file("one"), "10.1.0.0/16\n10.1.0.0/16\n").unwrap();
    let text = super::corefile("list @networks one verdict=VERDICT_DROP");
    let daemon = site.run(&text).attached(1);
    assert_eq!(status(&site, "networks"), (1, 0, vec![(2, 0)]));
    let words = ["add", "@networks", "10.2.0.0/16", "verdict=VERDICT_DROP"];
    site.decide(&words).expect(0, &[]);
    assert_eq!(status(&site, "networks"), (2, 1, vec![(2, 0)]));
    assert_eq!(dumped(&site), 2);
    daemon.stop();
}
