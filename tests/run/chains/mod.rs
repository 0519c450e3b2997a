//! Chains: several `ebpf` blocks for one interface are stages, run in the order of the Corefile.

mod changes;
mod maps;
mod refusals;

use std::fmt::Write as _;

use serde_json::Value;

use crate::packet;
use crate::status::json;
use support::net::{Daemon, Receiver, Site};
use support::objects::compile::compile_with;
use support::wait::{wait_for, wait_until};

/// A stage of a test: the name of its object, and the source that it drops, as the last byte of its address.
pub(super) type Stage = (&'static str, u8);

/// A site with an object for each name; all have the same code.
pub(super) fn site(names: &[&str]) -> Site {
    let site = Site::new();
    for namespace in [&site.server, &site.client] {
        namespace.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1");
    }
    for name in names {
        object(&site, name, &[]);
    }
    site
}

/// Compiles `stage.o` as an object of this name.
pub(super) fn object(site: &Site, name: &str, options: &[&str]) {
    let path = compile_with("stage", site.folder.path(), options);
    std::fs::rename(path, site.folder.file(&format!("{name}.o"))).unwrap();
}

/// The Corefile with these stages on `edge0`, each with a counter of the packets that it met. `more` is a line of the
/// first block.
pub(super) fn corefile(stages: &[Stage], more: &str) -> String {
    let mut text = ". {\n  prometheus\n".to_owned();
    for (number, (object, drops)) in (1..).zip(stages) {
        let more = if number == 1 { more } else { "" };
        let counter = format!("counter met_{object}_{number}_total 0 met \"Met.\"");
        let entry = format!("entry 0 drops={drops}");
        writeln!(
            text,
            "  ebpf {{\n    if edge0\n    elf {object}.o\n    {entry}\n    {counter}\n    {more}\n  }}"
        )
        .unwrap();
    }
    text + "}\n"
}

pub(super) fn start(site: &Site, stages: &[Stage]) -> Daemon {
    site.run(&corefile(stages, "")).attached(1)
}

/// Sends `times` packets of the source that ends with this byte.
pub(super) fn send(site: &Site, last: u8, times: u32) {
    site.sender()
        .send(&packet(&format!("10.11.0.{last}")), times);
}

/// The names of the stages, and the packets that each has passed and dropped.
fn verdicts(site: &Site) -> Vec<(String, u64, u64)> {
    let status = json(site, &[]);
    let stages = status["filters"].as_array().unwrap().iter();
    let packets = |stage: &Value, name: &str| {
        let mut verdicts = stage["verdicts"].as_array().unwrap().iter();
        let verdict = verdicts.find(|verdict| verdict["verdict"] == name);
        verdict.unwrap()["packets"].as_u64().unwrap()
    };
    let row = |stage: &Value| {
        let name = stage["object"].as_str().unwrap().to_owned();
        (name, packets(stage, "pass"), packets(stage, "drop"))
    };
    stages.map(row).collect()
}

/// Sends a packet of source 200, and returns the last byte of the first source received that is 200 or one of `watched`.
pub(super) fn first_received(site: &Site, receiver: &Receiver, watched: &[u8]) -> u8 {
    send(site, 200, 1);
    wait_until("a packet of a watched source", || {
        let sources =
            std::iter::from_fn(|| receiver.next()).filter_map(|frame| frame.get(29).copied());
        sources
            .into_iter()
            .find(|last| *last == 200 || watched.contains(last))
    })
}

/// Waits until the stages have these names and have passed and dropped these packets.
pub(super) fn expect(site: &Site, expected: &[(&str, u64, u64)]) {
    let expected = expected.iter();
    let expected: Vec<_> = expected
        .map(|(name, passed, dropped)| ((*name).to_owned(), *passed, *dropped))
        .collect();
    wait_for("packets passed and dropped", &expected, || verdicts(site));
}

/// The ids of the programs, in the order of the stages.
pub(super) fn programs(site: &Site) -> Vec<u64> {
    let status = json(site, &[]);
    let stages = status["filters"].as_array().unwrap().iter();
    let ids = stages.map(|stage| stage["program"]["id"].as_u64().unwrap());
    ids.collect()
}

#[test]
fn packet_meets_the_stages_in_order_until_one_does_not_pass_it() {
    let site = site(&["a", "b", "c"]);
    let daemon = start(&site, &[("a", 1), ("b", 2), ("c", 3)]);
    for last in 1..=4 {
        send(&site, last, u32::from(last) * 10);
    }
    expect(&site, &[("a", 90, 10), ("b", 70, 20), ("c", 40, 30)]);
    for (stage, met) in [("a_1", 100), ("b_2", 90), ("c_3", 70)] {
        site.metric_becomes(&format!("coredns_ebpf_met_{stage}_total"), met);
    }
    daemon.stop();
    assert_eq!(site.attached(), None);
}

#[test]
fn longest_chain_runs() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let site = site(&names);
    let stages: Vec<Stage> = names.into_iter().zip(1..).collect();
    let daemon = start(&site, &stages);
    send(&site, 8, 5);
    send(&site, 9, 7);
    let mut expected: Vec<_> = names.map(|name| (name, 12, 0)).into();
    expected[7] = ("h", 7, 5);
    expect(&site, &expected);
    daemon.stop();
}

#[test]
fn stages_of_one_object_have_maps_and_names_of_their_own() {
    let site = site(&["a"]);
    let daemon = start(&site, &[("a", 1), ("a", 2)]);
    for last in 1..=3 {
        send(&site, last, 10);
    }
    expect(&site, &[("a", 20, 10), ("a#2", 10, 10)]);
    let page = site.get("/metrics");
    for sample in [
        "corexdp_packets_total{interface=\"edge0\",program=\"a#2\",verdict=\"drop\"} 10",
        "corexdp_map_capacity{interface=\"edge0\",program=\"a\",map=\"xdp_map\"} 1",
        "corexdp_map_capacity{interface=\"edge0\",program=\"a#2\",map=\"xdp_map\"} 1",
    ] {
        let is_there = page.body.lines().any(|line| line == sample);
        assert!(is_there, "{sample}: {}", page.body);
    }
    daemon.stop();
}

#[test]
fn blocks_of_several_interfaces_may_be_mixed() {
    let site = site(&["a", "b", "c"]);
    site.add_wire("edge1", "far1");
    let second = corefile(&[("c", 1)], "").replace("edge0", "edge1");
    let text = corefile(&[("a", 1), ("b", 2)], "");
    let (first_block, second_block) =
        text.split_at(text.find("  ebpf {\n    if edge0\n    elf b").unwrap());
    let other = second.split_once("prometheus\n").unwrap().1;
    let other = other.strip_suffix("}\n").unwrap();
    let daemon = site
        .run(&format!("{first_block}{other}{second_block}"))
        .attached(2);
    send(&site, 2, 5);
    wait_for(
        "packets passed and dropped",
        &Some(("b".to_owned(), 0, 5)),
        || verdicts(&site).into_iter().find(|(name, ..)| name == "b"),
    );
    daemon.stop();
}

/// A foreign process empties the slot that leads to the next stage; the daemon fills it when it is asked.
#[test]
fn chain_cut_by_another_process_is_linked_again() {
    let site = site(&["a", "b"]);
    let daemon = start(&site, &[("a", 1), ("b", 2)]);
    let slot = site.filter().map("frame.next");
    slot.delete("0 0 0 0");
    let log = "another process changed the order of its stages; they are linked again";
    site.get("/metrics");
    daemon.line(log);
    send(&site, 2, 5);
    expect(&site, &[("a", 5, 0), ("b", 0, 5)]);
    assert_eq!(daemon.lines_with(log).len(), 1);
    daemon.stop();
}

#[test]
fn stages_run_in_generic_mode() {
    let site = site(&["a", "b"]);
    let daemon = site
        .run(&corefile(&[("a", 1), ("b", 2)], "mode generic"))
        .attached(1);
    send(&site, 2, 5);
    expect(&site, &[("a", 5, 0), ("b", 0, 5)]);
    daemon.stop();
}

#[test]
fn stages_with_functions_of_their_own_run() {
    let site = site(&[]);
    for name in ["a", "b"] {
        object(&site, name, &["-DCALLS"]);
    }
    let daemon = start(&site, &[("a", 1), ("b", 2)]);
    send(&site, 2, 5);
    expect(&site, &[("a", 5, 0), ("b", 0, 5)]);
    daemon.stop();
}
