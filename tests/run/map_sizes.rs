//! A constant `NAME_entries` is the number of entries of the map `NAME`.

use support::net::{Corexdp, Site, finish};
use support::packets::frame::ip4;
use support::packets::message::query;

use super::dump::dump;

fn corefile(lines: &str) -> String {
    format!(
        ". {{\nprometheus\nebpf {{\nelf limit.o\nif edge0\n\
         entry ::/0 source_rate=1 source_burst=1000\n{lines}\
         counter passed_total @totals 0 passed \"Packets.\"\n\
         gauge source @sources 0 way[0].tag \"A tag.\"\n\
         gauge proof @proofs 0 way[0].tag \"A tag.\"\n}}\n}}\n"
    )
}

fn site() -> Site {
    let site = Site::new();
    site.folder.shipped("limit");
    site
}

/// Room in the map, as the kernel has it.
fn room(site: &Site, map: &str) -> String {
    let outcome = dump(site, &[]);
    let head = outcome
        .stdout
        .lines()
        .find(|line| line.starts_with(&format!("# edge0 {map} ")));
    let head = head.unwrap_or_else(|| panic!("{map}: {}", outcome.stdout));
    head.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn maps_have_the_sizes_of_constants() {
    let site = site();
    let daemon = site.run(&corefile("")).attached(1);
    assert_eq!(room(&site, "sources"), "32768");
    for (lines, expected) in [
        ("entry @.rodata 0 sources_entries=3\n", ["3", "8192"]),
        (
            "entry @.rodata 0 sources_entries=1 proofs_entries=5\n",
            ["1", "5"],
        ),
        ("", ["32768", "8192"]),
    ] {
        site.folder.write("Corefile", &corefile(lines));
        site.ask(&["reload"]).expect(0, &[]);
        assert_eq!(["sources", "proofs"].map(|map| room(&site, map)), expected);
        // Each new program has found a way for the source in its table.
        let frame = ip4("192.0.2.1").datagram(53, &query("www.example", 1).bytes);
        site.sender().send(&frame.bytes, 3);
        site.metric_becomes("coredns_ebpf_passed_total", 3);
    }
    daemon.stop();
}

/// The map has 32768 entries in the object.
#[test]
fn size_that_no_map_can_have_is_refused() {
    let site = site();
    let daemon = site.run(&corefile("")).attached(1);
    for (entries, line) in [
        ("0", "entry @.rodata 0 sources_entries=0\n"),
        ("2097153", "entry @.rodata 0 sources_entries=2097153\n"),
        (
            "4294967295",
            "entry @.rodata 0 proofs_entries=5 sources_entries=4294967295\n",
        ),
    ] {
        let message = format!(
            "Corefile:8: entry: sources_entries is {entries}; map sources can have 1 to 2097152 entries"
        );
        // A line before and a line after are right.
        let right = "entry @.rodata 0 proofs_entries=5\n";
        site.folder
            .write("Corefile", &corefile(&[right, line, right].concat()));
        let check = ["check", "-conf", "Corefile"];
        let outcome = finish(&mut Corexdp::command(site.folder.path(), &check));
        outcome.refuses(78, &[&message]);
        site.ask(&["reload"]).refuses(78, &[&message]);
    }
    assert_eq!(room(&site, "sources"), "32768");
    daemon.stop();
}

#[test]
fn keys_are_checked_with_the_size_of_the_constant() {
    let site = site();
    let lines = "entry @.rodata 0 sources_entries=3\ngauge more @sources 3 way[0].tag \"A tag.\"\n";
    site.folder.write("Corefile", &corefile(lines));
    let check = ["check", "-conf", "Corefile"];
    finish(&mut Corexdp::command(site.folder.path(), &check)).refuses(
        78,
        &["Corefile:8: gauge: index 3 is past the end of sources; the last is 2"],
    );
}

#[test]
fn map_can_have_64_times_the_entries_of_its_object() {
    let site = site();
    site.folder.write(
        "Corefile",
        &corefile("entry @.rodata 0 sources_entries=2097152\n"),
    );
    let check = ["check", "-conf", "Corefile"];
    finish(&mut Corexdp::command(site.folder.path(), &check)).expect(0, &[]);
}
