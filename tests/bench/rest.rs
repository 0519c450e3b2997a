//! The cost of corexdp at rest: memory, wake-ups, size on disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::http::Scraper;
use super::process::{EXPORTER, EXPORTER_PAGE, Exporter, proportional_memory, sleeps};
use super::site::{PAGE, Site, block_list, corefile, metrics};
use super::table::{Aim, Figure, Row, Unit};
use support::net::pause;

const SCRAPES: usize = 20;
const SETTLE_MILLISECONDS: u64 = 10_000;
const IDLE_MILLISECONDS: u64 = 60_000;
const NODE_EXPORTER: &str = "node exporter";

pub(crate) const NOTE: &str = "\
rest: 256 metrics and 100,000 entries, after 20 scrapes and 10 s of rest. Memory is the proportional set size of all
processes; the map itself is the kernel's. Wake-ups are voluntary context switches of all threads in 60 s without a
request. On disk: the program and each library that ldd names.";

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    let blocked = metrics(|number| (0x0a00_0000 + number, 0));
    let list = block_list(100_000) + &blocked;
    site.write("rest", &corefile("big.o", true, &list));
    let mut rows = idle(site);
    let ours = size(&site.corexdp);
    for (peer, path, parts) in [
        (NODE_EXPORTER, EXPORTER, 10),
        ("xdp-loader", "/usr/sbin/xdp-loader", 2),
    ] {
        rows.push(row(
            "program on disk",
            Unit::Bytes,
            ours,
            peer,
            size(Path::new(path)),
            Aim::Fraction(parts),
        ));
    }
    rows
}

fn row(what: &str, unit: Unit, ours: u64, peer: &'static str, theirs: u64, aim: Aim) -> Row {
    let once = |count: u64| Figure::once(f64::from(u32::try_from(count).unwrap()));
    Row {
        what: what.into(),
        unit,
        ours: once(ours),
        peer,
        theirs: once(theirs),
        aim,
    }
}

/// Measures corexdp and the node exporter at the same time.
fn idle(site: &Site) -> Vec<Row> {
    let daemon = site.start("rest");
    daemon.line("page: http");
    let exporter = Exporter::start();
    for page in [PAGE, EXPORTER_PAGE] {
        let mut scraper = Scraper::connect(page);
        for _ in 0..SCRAPES {
            scraper.scrape();
        }
    }
    pause(SETTLE_MILLISECONDS);
    let ours = [daemon.pid(), daemon.keeper(), daemon.worker()];
    let theirs = [exporter.pid()];
    let memory = (proportional_memory(&ours), proportional_memory(&theirs));
    let before = (sleeps(&ours), sleeps(&theirs));
    pause(IDLE_MILLISECONDS);
    let woken = (
        woken_since(&before.0, &sleeps(&ours)),
        woken_since(&before.1, &sleeps(&theirs)),
    );
    drop(exporter);
    daemon.stop();
    vec![
        row(
            "memory at rest",
            Unit::Bytes,
            memory.0,
            NODE_EXPORTER,
            memory.1,
            Aim::Fraction(10),
        ),
        row(
            "wake-ups in 60 s",
            Unit::Times,
            woken.0,
            NODE_EXPORTER,
            woken.1,
            Aim::Fraction(100),
        ),
    ]
}

/// The number of wake-ups of all threads. A thread that has ended counts as one wake-up.
fn woken_since(before: &[(String, u64)], after: &[(String, u64)]) -> u64 {
    let count = |threads: &[(String, u64)], thread: &str| {
        let found = threads.iter().find(|(name, _)| name == thread);
        found.map(|(_, count)| *count)
    };
    let ended = before
        .iter()
        .filter(|(thread, _)| count(after, thread).is_none());
    let woken = after
        .iter()
        .map(|(thread, now)| now - count(before, thread).unwrap_or(0));
    woken.sum::<u64>() + ended.map(|_| 1).sum::<u64>()
}

/// The size in bytes of a program and its libraries.
fn size(program: &Path) -> u64 {
    let length = |path: &Path| fs::metadata(path).unwrap().len();
    let listed = Command::new("ldd").arg(program).output().unwrap();
    // ldd fails for a static program and names no library.
    let text = String::from_utf8(listed.stdout).unwrap();
    let libraries = text
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(|word| length(Path::new(word)));
    length(program) + libraries.sum::<u64>()
}
