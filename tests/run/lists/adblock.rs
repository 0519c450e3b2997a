//! Precedence among the rules of an ad blocker.

use support::net::Site;

const RULES: &str = "\
||c.d^
@@||c.d^
||a.b.example^
@@||b.example^
0.0.0.0 b.example
||ads.b.example^$important
@@||good.ads.b.example^
@@||best.ads.b.example^$important
||other.example^
";

#[test]
fn exceptions_come_before_other_rules_and_important_rules_before_exceptions() {
    let site = Site::new();
    site.folder.shipped("qname");
    site.folder.write("rules", RULES);
    site.folder
        .write("later", "||zip^$important\n@@||other.example^\n");
    let daemon = site
        .run(". {\nebpf {\nelf qname.o\nif edge0\nlist rules action=QNAME_DROP\nlist later as adblock action=QNAME_DROP\n}\n}\n")
        .attached(1);
    for (name, expected) in [
        ("c.d", "c.d action=QNAME_PASS # rules:2"),
        ("www.c.d", "c.d action=QNAME_PASS # rules:2"),
        ("b.example", "b.example action=QNAME_PASS # rules:4"),
        ("a.b.example", "b.example action=QNAME_PASS # rules:4"),
        ("ads.b.example", "ads.b.example action=QNAME_DROP # rules:6"),
        (
            "good.ads.b.example",
            "ads.b.example action=QNAME_DROP # rules:6",
        ),
        (
            "best.ads.b.example",
            "best.ads.b.example action=QNAME_PASS # rules:8",
        ),
        ("other.example", "other.example action=QNAME_DROP # rules:9"),
        ("a.zip", "zip action=QNAME_DROP # later:1"),
    ] {
        let shown = site.ask(&["test", name]).stdout;
        let folder = format!("{}/", site.folder.path().display());
        let expected = format!("edge0: entry {expected}\n");
        assert_eq!(shown.replace(&folder, ""), expected, "{name}");
    }
    daemon.stop();
}

#[test]
fn exceptions_take_effect_in_a_map_that_is_no_table() {
    let site = super::site();
    site.folder.write("rules", "||c.d^\n@@||c.d^\n||c.d^\n");
    let daemon = site
        .run(&super::corefile("list @names rules verdict=VERDICT_DROP"))
        .attached(1);
    let shown = site.ask(&["test", "@names", "c.d"]).stdout;
    let expected = "entry @names c.d verdict=VERDICT_PASS # ";
    assert!(
        shown.contains(expected) && shown.ends_with("/rules:2\n"),
        "{shown}"
    );
    daemon.stop();
}
