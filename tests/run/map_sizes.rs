//! A constant `NAME_entries` is the number of entries of the map `NAME`.

use support::net::Site;
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

#[test]
fn map_without_room_is_refused() {
    let outcome = site().refused(&corefile("entry @.rodata 0 sources_entries=0\n"));
    outcome.refuses(71, &["Corefile:4: elf: map sources (array): map_create: "]);
}
