//! `corexdp test`: which entry decides about a key. `dump` and `status` show decisions too.

use serde_json::{Value, json};

use super::{blocks, start};
use crate::dump::{as_json, dump};
use support::net::Site;

#[test]
fn deciding_entry_is_shown_with_its_origin() {
    let site = blocks();
    let daemon = start(
        &site,
        "    entry 192.0.2.0/24 action=BLOCK_DROP\n    entry 192.0.2.0/28 action=BLOCK_PASS\n    entry @hosts 198.51.100.7 action=BLOCK_DROP\n",
    );
    let corefile = site.folder.path().join("Corefile").display().to_string();
    let test = |words: &[&str]| site.ask(&[&["test"], words].concat());
    let expect = |words: &[&str], lines: &[&str]| {
        let outcome = test(words);
        outcome.expect(0, &[]);
        assert_eq!(
            outcome.stdout.lines().collect::<Vec<_>>(),
            lines,
            "{words:?}"
        );
    };
    let at = |line| format!("# {corefile}:{line}");
    let pass = format!("edge0: entry 192.0.2.0/28 action=BLOCK_PASS {}", at(7));
    expect(&["192.0.2.7"], &[&pass]);
    let dropped = format!("edge0: entry 192.0.2.0/24 action=BLOCK_DROP {}", at(6));
    expect(&["-i", "edge0", "192.0.2.16"], &[&dropped]);
    expect(&["192.0.2.0/25"], &[&dropped]);
    let host = format!(
        "edge0: entry @hosts 198.51.100.7 action=BLOCK_DROP {}",
        at(8)
    );
    expect(&["@hosts", "198.51.100.7"], &[&host]);
    site.decide(&["add", "192.0.2.7", "action=BLOCK_DROP"])
        .expect(0, &[]);
    expect(
        &["192.0.2.7"],
        &["edge0: entry 192.0.2.7/32 action=BLOCK_DROP # decision, no end"],
    );
    site.decide(&["add", "192.0.2.8", "action=BLOCK_DROP", "for", "1h"])
        .expect(0, &[]);
    let until = test(&["192.0.2.8"]).stdout;
    assert!(
        until.contains("action=BLOCK_DROP # decision, until 20"),
        "{until}"
    );
    // A line of another program.
    site.filter()
        .map("xdp_map")
        .update("10 0 0 0 cb 0 0 0", "1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
    expect(
        &["203.0.113.1"],
        &["edge0: entry 203.0.0.0/16 action=BLOCK_DROP # not in the Corefile"],
    );
    test(&["203.1.0.1"]).expect(1, &["corexdp: no entry decides about 203.1.0.1"]);
    test(&["@hosts", "example.com"]).refuses(64, &["corexdp: test: KEY is", "not \"example.com\""]);
    test(&["@more", "192.0.2.7"]).expect(
        69,
        &["corexdp: test: no such map; `corexdp status` shows the maps"],
    );
    test(&[]).expect(64, &["corexdp: test: no KEY; write [@MAP] KEY"]);
    daemon.stop();
}

/// `acl` and `qname` in a chain: each takes other keys, and the settings of `acl` decide about sources without an entry.
#[test]
fn chain_shows_its_settings_and_the_keys_of_each_program() {
    let site = Site::new();
    site.folder.shipped("acl");
    site.folder.shipped("qname");
    let block = |object: &str, lines: &str| {
        format!("  ebpf {{\n    if edge0\n    elf {object}.o\n{lines}  }}\n")
    };
    let acl = "    entry @settings 0 unlisted=ACL_DROP monitor=true\n    entry 192.0.2.7 action=ACL_PASS\n    counter a @totals 0 passed \"A.\"\n";
    let qname = "    entry ads.example action=QNAME_DROP\n    gauge m @settings 0 monitor \"M.\"\n";
    let corefile = format!(
        ". {{\n  prometheus\n{}{}}}\n",
        block("acl", acl),
        block("qname", qname)
    );
    let daemon = site.run(&corefile).attached(1);
    let settings = "corexdp: edge0/acl: settings of the program also decide: entry @settings 0 unlisted=ACL_DROP monitor=true";
    let test = |words: &[&str]| site.ask(&[&["test"], words].concat());
    test(&["192.0.2.7"]).expect(0, &[settings]);
    test(&["192.0.2.8"]).expect(1, &[settings, "corexdp: no entry decides about 192.0.2.8"]);
    let keys = "KEY is a prefix, 20 bytes; it takes an IPv4 address/BITS with BITS up to 32, an IPv6 address/BITS with BITS up to 128, or 0x and 40 digits, not \"*.ads.example\"; KEY \"*.ads.example\" has the label `*`, which is not a wildcard; write \"ads.example\", which matches the names below it too";
    test(&["@xdp_map", "*.ads.example"]).expect(64, &[&format!("corexdp: test: {keys}")]);
    site.decide(&["add", "*.ads.example", "action=QNAME_DROP"])
        .expect(64, &[&format!("corexdp: add: {keys}")]);
    test(&["@totals", "0"]).expect(64, &["corexdp: test: no keys to look up; name another map"]);
    daemon.stop();
}

#[test]
fn dump_and_status_show_decisions() {
    let site = blocks();
    let daemon = start(&site, "    entry 192.0.2.0/24 action=BLOCK_DROP\n");
    site.decide(&["add", "192.0.2.7", "action=BLOCK_DROP", "for", "1h"])
        .expect(0, &[]);
    // A map that no line names is shown while it has decisions.
    site.decide(&["add", "@hosts", "192.0.2.8", "action=BLOCK_PASS"])
        .expect(0, &[]);
    let text = dump(&site, &[]).stdout;
    let lines: Vec<_> = text.lines().collect();
    for part in [
        "entry 192.0.2.0/24 action=BLOCK_DROP",
        "entry @hosts 192.0.2.8 action=BLOCK_PASS # decision, no end",
    ] {
        assert!(lines.contains(&part), "{part}: {text}");
    }
    assert!(
        text.contains("entry 192.0.2.7/32 action=BLOCK_DROP # decision, until 20"),
        "{text}"
    );
    let dumped = as_json(&site);
    let entries = |map: usize| dumped[map]["entries"].as_array().unwrap().clone();
    let decisions = |entry: &Value| [entry["decision"].clone(), entry["until"].is_u64().into()];
    let mut found: Vec<_> = entries(0).iter().map(decisions).collect();
    found.sort_by_key(|found| found[0].is_boolean());
    assert_eq!(
        found,
        [[Value::Null, json!(false)], [json!(true), json!(true)]]
    );
    assert_eq!(entries(1)[0]["until"], Value::Null);
    let status = site.ask(&["status", "--json"]).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["filters"][0]["maps"][0]["decisions"], 1);
    let page = site.get("/metrics");
    let name = "corexdp_decisions{interface=\"edge0\",map=\"xdp_map\"}";
    assert_eq!(page.metric(name), Some("1"), "{}", page.body);
    assert!(site.get("/").body.contains("1 decision</p>"));
    daemon.stop();
}
