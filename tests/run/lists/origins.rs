//! Lines of lists that `corexdp test` names.

use super::site;
use support::net::Site;

#[test]
fn long_lines_and_a_last_line_without_an_end_are_counted() {
    let site = site();
    let long = "; comment".repeat(10_000);
    let list = format!("192.0.2.0/24\n{long}\n198.51.100.0/24\n{long}\n203.0.113.0/24");
    site.folder.write("block", &list);
    let daemon = site.run(&super::corefile(super::BLOCK)).attached(1);
    for (address, line) in [("192.0.2.1", 1), ("198.51.100.1", 3), ("203.0.113.1", 5)] {
        let shown = site.ask(&["test", "@networks", address]).stdout;
        assert!(shown.ends_with(&format!("/block:{line}\n")), "{shown}");
    }
    daemon.stop();
}

/// A name and the names below it may have entries of different lists or lines: each is found at its own place.
#[test]
fn place_is_that_of_the_entry_which_decides() {
    let site = Site::new();
    site.folder.shipped("qname");
    let rpz = "example.net CNAME rpz-passthru.\n*.example.net CNAME .\n";
    for (name, text) in [
        ("zone", "one.example\nexample.com\n"),
        ("limited", "line.example\n\nexample.com\n"),
        ("rpz", rpz),
    ] {
        site.folder.write(name, text);
    }
    let lines = "\
        list zone as domains action=QNAME_PASS exact=true\n\
        list limited as domains action=QNAME_LIMIT rate=500\n\
        list rpz as rpz action=QNAME_DROP\n\
        entry line.example action=QNAME_PASS exact=true\n";
    let daemon = site
        .run(&format!(
            ". {{\nebpf {{\nelf qname.o\nif edge0\n{lines}}}\n}}\n"
        ))
        .attached(1);
    for (name, place) in [
        ("example.com", "zone:2"),
        ("rnd.example.com", "limited:3"),
        ("one.example", "zone:1"),
        ("line.example", "Corefile:8"),
        ("rnd.line.example", "limited:1"),
        ("example.net", "rpz:1"),
        ("rnd.example.net", "rpz:2"),
    ] {
        let shown = site.ask(&["test", name]).stdout;
        assert!(
            shown.ends_with(&format!("/{place}\n")),
            "{name}: {place}: {shown}"
        );
    }
    let warned = site.decide(&["add", "line.example", "action=QNAME_DROP"]);
    assert!(warned.stderr.contains("Corefile:8: "), "{warned:?}");
    daemon.stop();
}
