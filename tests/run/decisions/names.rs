//! Decisions about the name table of `qname`.

use std::fmt::Write as _;
use std::fs;

use super::tables::{add, corefile, dumped, start, stored};
use support::net::Site;
use support::packets::{frame, message};
use support::wait::wait_until;

const COUNTERS: &str = "    counter passed @totals 0 passed \"Passed.\"\n    counter dropped @totals 0 dropped \"Dropped.\"\n";

/// True if a query for `name` gets a response of the filter, or none: it does not arrive at the server.
fn blocks(site: &Site, name: &str) -> bool {
    let query = frame::ip4("192.0.2.1").datagram(53, &message::query(name, 1).bytes);
    let count = || -> [u64; 2] {
        let page = site.get("/metrics");
        ["passed", "dropped"].map(|what| {
            page.metric(&format!("coredns_ebpf_{what}"))
                .unwrap()
                .parse()
                .unwrap()
        })
    };
    let before = count();
    site.sender().send(&query.bytes, 1);
    wait_until("the query is counted", || match count() {
        now if now == before => Err(now),
        now => Ok(now[1] > before[1]),
    })
}

fn check(site: &Site, expected: &[(&str, bool)]) {
    for (name, is_blocked) in expected {
        assert_eq!(blocks(site, name), *is_blocked, "{name}");
    }
}

#[test]
fn decisions_about_names_drop_and_survive() {
    let lines = format!("{COUNTERS}    entry listed.example action=QNAME_DROP\n");
    let (site, daemon) = start("qname", &lines);
    let check = |expected: &[(&str, bool)]| check(&site, expected);
    check(&[("bad.example", false), ("listed.example", true)]);
    add(&site, &["bad.example", "action=QNAME_DROP", "for", "1h"]);
    add(
        &site,
        &["only.example", "action=QNAME_DROP", "exact=NAME_EXACT"],
    );
    add(&site, &["good.listed.example", "action=QNAME_PASS"]);
    let all = [
        ("bad.example", true),
        ("www.bad.example", true),
        ("only.example", true),
        ("www.only.example", false),
        ("www.listed.example", true),
        ("a.good.listed.example", false),
        ("other.example", false),
    ];
    check(&all);
    assert_eq!(
        (dumped(&site).len(), stored(&site, &["xdp_map_decisio"])),
        (3, vec![3])
    );
    let test = |key: &str| site.ask(&["test", key]).stdout;
    assert!(
        test("www.bad.example").contains("entry bad.example action=QNAME_DROP"),
        "{}",
        test("www.bad.example")
    );
    assert!(test("www.listed.example").contains("entry listed.example action=QNAME_DROP"));
    site.ask(&["test", "www.only.example"])
        .expect(1, &["corexdp: no entry decides about www.only.example"]);
    let mut list = String::new();
    for n in 0..3000 {
        writeln!(list, "n{n}.list.example").unwrap();
    }
    fs::write(site.folder.file("names"), list).unwrap();
    let more = format!("{lines}    list names as domains action=QNAME_DROP\n");
    site.folder.write("Corefile", &corefile("qname", &more));
    site.ask(&["reload"]).expect(0, &[]);
    check(&[("n7.list.example", true)]);
    check(&all);
    daemon.stop();
    let daemon = site.run(&corefile("qname", &lines)).attached(1);
    check(&all);
    site.decide(&["delete", "bad.example"]).expect(0, &[]);
    check(&[("bad.example", false), ("only.example", true)]);
    daemon.stop();
}

/// The lookup ends at a name of as few labels as the shortest name of the table has.
#[test]
fn decisions_stay_when_shorter_names_follow() {
    for lines in ["", "    exit hold\n"] {
        let lines = format!("{COUNTERS}{lines}");
        let (site, daemon) = start("qname", &lines);
        let names = ["a.b.c.d.example", "ads.e.example.com", "f.example", "zip"];
        let all = |count: usize| {
            for name in &names[..count] {
                check(&site, &[(name, true), (&format!("www.{name}"), true)]);
            }
            check(&site, &[("d.example", false), ("example.com", false)]);
        };
        add(&site, &[names[0], "action=QNAME_DROP"]);
        all(1);
        add(&site, &[names[1], "action=QNAME_DROP"]);
        all(2);
        // The table changes in place.
        let shorter = format!("{lines}    entry f.example action=QNAME_DROP\n");
        site.folder.write("Corefile", &corefile("qname", &shorter));
        site.ask(&["reload"]).expect(0, &[]);
        all(3);
        daemon.stop();
        let daemon = site.run(&corefile("qname", &shorter)).attached(1);
        all(3);
        fs::write(site.folder.file("names"), "*.zip\n").unwrap();
        let list = format!("{shorter}    list names as domains action=QNAME_DROP\n");
        site.folder.write("Corefile", &corefile("qname", &list));
        site.ask(&["reload"]).expect(0, &[]);
        all(3);
        check(&site, &[("www.zip", true)]);
        // Without the list, decisions and one line give the shortest names.
        site.folder.write("Corefile", &corefile("qname", &shorter));
        site.ask(&["reload"]).expect(0, &[]);
        add(&site, &[names[3], "action=QNAME_DROP"]);
        all(4);
        daemon.stop();
    }
}

#[test]
fn line_decides_about_names_that_the_decision_does_not_match() {
    let lines = format!("{COUNTERS}    entry a.example action=QNAME_DROP\n");
    let (site, daemon) = start("qname", &lines);
    for (exact, expected) in [
        ("NAME_EXACT", [false, true]),
        ("NAME_BELOW", [true, false]),
        ("NAME_TREE", [false, false]),
    ] {
        let exact = format!("exact={exact}");
        add(&site, &["a.example", "action=QNAME_PASS", &exact]);
        for (name, is_blocked) in ["a.example", "www.a.example"].into_iter().zip(expected) {
            check(&site, &[(name, is_blocked)]);
            let tested = site.ask(&["test", name]).stdout;
            assert_eq!(tested.contains("QNAME_DROP"), is_blocked, "{tested}");
        }
    }
    daemon.stop();
}
