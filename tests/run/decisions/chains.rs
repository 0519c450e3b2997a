//! Decisions about the stages of a chain, and about several interfaces.

use std::fmt::Write as _;

use super::{blocks, corefile, kept};
use support::net::{Daemon, Site};

fn chain(objects: &[&str]) -> String {
    let mut text = ". {\n  prometheus\n".to_owned();
    for object in objects {
        writeln!(text, "  ebpf {{\n    if edge0\n    elf {object}.o\n  }}").unwrap();
    }
    text + "}\n"
}

fn start(objects: &[&str]) -> (Site, Daemon) {
    let site = Site::new();
    for object in ["acl", "guard", "limit"] {
        site.folder.shipped(object);
    }
    let daemon = site.run(&chain(objects)).attached(1);
    (site, daemon)
}

fn reload(site: &Site, objects: &[&str]) {
    site.folder.write("Corefile", &chain(objects));
    site.ask(&["reload"]).expect(0, &[]);
}

const NOTHING: &str = "corexdp: delete: no decision about 192.0.2.7/32 in xdp_map";

#[test]
fn decision_is_found_behind_a_stage_that_takes_its_key() {
    let (site, daemon) = start(&["acl"]);
    let decide = |words: &[&str]| {
        let outcome = site.decide(words);
        outcome.expect(0, &[]);
        outcome.stdout
    };
    decide(&["add", "192.0.2.7", "action=ACL_DROP"]);
    decide(&["add", "192.0.2.8", "action=ACL_DROP"]);
    reload(&site, &["guard", "acl"]);
    let added = decide(&["add", "192.0.2.8", "action=ACL_PASS"]);
    assert_eq!(added, "edge0 acl entry 192.0.2.8/32 action=ACL_PASS\n");
    let added = decide(&["add", "192.0.2.9", "action=ACL_DROP"]);
    assert!(added.starts_with("edge0 guard entry"), "{added}");
    // A key with a decision in each stage.
    reload(&site, &["acl", "guard"]);
    decide(&["add", "192.0.2.10", "action=ACL_DROP"]);
    reload(&site, &["acl"]);
    decide(&["delete", "192.0.2.7"]);
    reload(&site, &["guard", "acl"]);
    for key in ["192.0.2.8", "192.0.2.10"] {
        decide(&["delete", key]);
        let tested = site.ask(&["test", key]);
        assert_eq!(tested.code, Some(1), "{tested:?}");
    }
    site.decide(&["delete", "192.0.2.7"]).expect(1, &[NOTHING]);
    daemon.stop();
}

#[test]
fn decision_goes_to_the_first_stage_that_takes_its_fields() {
    let (site, daemon) = start(&["limit", "acl"]);
    let added = site.decide(&["add", "192.0.2.7", "action=ACL_DROP"]);
    added.expect(0, &[]);
    let line = "edge0 acl entry 192.0.2.7/32 action=ACL_DROP\n";
    assert_eq!(added.stdout, line);
    let added = site.decide(&["add", "192.0.2.7", "rate=1", "burst=1"]);
    added.expect(0, &[]);
    assert!(added.stdout.starts_with("edge0 limit entry"), "{added:?}");
    let refused = site.decide(&["add", "192.0.2.8", "acton=ACL_DROP"]);
    refused.refuses(64, &["has no member acton; ", "did you mean action?"]);
    site.decide(&["delete", "192.0.2.7"]).expect(0, &[]);
    assert_eq!(kept(&site), [""; 0]);
    daemon.stop();
}

#[test]
fn delete_finds_nothing_only_if_no_interface_has_the_decision() {
    let site = blocks();
    site.add_wire("edge1", "cli1");
    let second = corefile("").replace("edge0", "edge1");
    let second = second.replace("  prometheus\n", "");
    let text = corefile("") + &second.replacen(". {", "lan {", 1);
    let daemon = site.run(&text).attached(2);
    for interface in ["edge0", "edge1"] {
        let words = ["add", "-i", interface, "192.0.2.7", "action=BLOCK_DROP"];
        site.decide(&words).expect(0, &[]);
        site.decide(&["delete", "192.0.2.7"]).expect(0, &[]);
        assert_eq!(kept(&site), [""; 0]);
    }
    site.decide(&["delete", "192.0.2.7"]).expect(1, &[NOTHING]);
    daemon.stop();
}
