//! Time to write many entries into a hash map.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Duration;

use super::process::{finish, finish_with};
use super::sample::Sample;
use super::site::{Site, block_list, corefile};
use super::table::{Aim, Figure, Row, Unit};
use support::net::pause;

const ROUNDS: usize = 20;
const SIZES: [u32; 3] = [1_000, 10_000, 100_000];
const PIN: &str = "/sys/fs/bpf/bench";
/// The exit code for a program that the verifier refuses.
const REFUSED: i32 = 65;

pub(crate) const NOTE: &str = "\
fill: entries of 4 + 8 bytes into a hash map with room for 200,000, 20 runs in turns. Processor time, because neither
side waits, and other load disturbs it less than elapsed time. Each number is the median difference between a run with
the entries and a run with none, so the start of the process is left out. corexdp reads, parses and checks the Corefile,
then fills the map; the verifier refuses its program, which ends the run there. bpftool runs `batch file` with a `map
update pinned` line for each entry, into an existing map.";

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    for size in SIZES.into_iter().chain([0]) {
        let name = format!("fill-{size}");
        site.write(&name, &corefile("refused.o", false, &block_list(size)));
        site.write(&format!("batch-{size}"), &batch(size));
    }
    let mut times: [(Vec<f64>, Vec<f64>); SIZES.len()] = Default::default();
    for _ in 0..ROUNDS {
        let none = (corexdp(site, 0), bpftool(site, 0));
        for ((ours, theirs), size) in times.iter_mut().zip(SIZES) {
            ours.push(corexdp(site, size).as_secs_f64() - none.0.as_secs_f64());
            theirs.push(bpftool(site, size).as_secs_f64() - none.1.as_secs_f64());
        }
    }
    let rows = times.into_iter().zip(SIZES);
    rows.map(|((ours, theirs), size)| Row {
        what: format!("fill {size} entries"),
        unit: Unit::Seconds,
        ours: Figure::from(&ours.into_iter().collect::<Sample>()),
        peer: "bpftool batch",
        theirs: Figure::from(&theirs.into_iter().collect::<Sample>()),
        aim: Aim::Fraction(20),
    })
    .collect()
}

fn corexdp(site: &Site, entries: u32) -> Duration {
    let spent = finish_with(&mut site.run(&format!("fill-{entries}")), REFUSED);
    settle();
    spent.processor_time
}

fn bpftool(site: &Site, entries: u32) -> Duration {
    let create = format!("map create {PIN} type hash key 4 value 8 entries 200000 name bench");
    finish(Command::new("bpftool").args(create.split(' ')));
    let batch = site.file(&format!("batch-{entries}"));
    let spent = finish(Command::new("bpftool").args(["batch", "file"]).arg(batch));
    fs::remove_file(PIN).unwrap();
    settle();
    spent.processor_time
}

/// The kernel frees a large map some time after its last use.
fn settle() {
    pause(20);
}

/// The entries of the block list as a batch for bpftool.
fn batch(size: u32) -> String {
    (0..size).fold(String::new(), |mut text, number| {
        let [a, b, c, d] = (0x0a00_0000 + number).to_be_bytes();
        writeln!(
            text,
            "map update pinned {PIN} key {a} {b} {c} {d} value 0 0 0 0 0 0 0 0"
        )
        .unwrap();
        text
    })
}
