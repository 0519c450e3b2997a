//! Decisions of a running filter with a long list: the time until they act, and until they end.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::listed::{Kind, sized};
use super::load_peers::nft_rules;
use super::probed::{Expiry, Wire, processor_time, wakeups};
use super::process::finish;
use super::sample::Sample;
use super::shipped_dns::asks;
use super::site::Site;
use super::table::{Aim, Figure, Row, Unit};
use support::net::{Daemon, Namespace, finish_with, pause};
use support::packets::frame::ip4;

/// Items of the list.
const LISTED: u32 = 1_000_000;
const ADDRESSES: u32 = 1_000;
const NAMES: u32 = 200;
const BATCH: u32 = 10_000;
/// Decisions that end at the same time.
const ENDING: u32 = 50_000;
/// Those of them whose packets are watched.
const WATCHED: u32 = 2_000;
/// Times that nft adds an address, which takes a minute.
const BANS: usize = 1;
/// The daemon deletes what has ended within a minute.
const DELETED_MILLISECONDS: u64 = 61_000;
/// The aim in seconds.
const PROMPT: f64 = 0.05;
/// The aim in seconds for a batch.
const LONG: f64 = 1.0;
const NFT: &str = "nft add element";

pub(crate) const NOTE: &str = "\
decide: acl with 1,000,000 prefixes, and qname with as many names. Packets of a source or with a name are sent without
a pause over a veth pair; a time is from the start of `corexdp add` to the last packet that passed. Beside it: the time
of `nft add element` for a set with the same prefixes as intervals. Then 1,000 decisions end after 2 s, and 50,000 at
the same time, of which the packets of 2,000 are watched: dropped before, passed after. `passed after` counts from the
start of `corexdp add -`, so its own time is in it. Late: more than 1 s after the time that the last decision of the
batch has. Lost: passed before. Processor time and wake-ups are the daemon's for all three batches, until the ended
decisions are deleted.";

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    let wire = Wire::lay();
    let mut rows = addresses(site, &wire);
    rows.extend(names(site, &wire));
    rows
}

/// The address of a decision, for networks that no list has.
fn address(number: u32) -> String {
    let [_, high, middle, low] = number.to_be_bytes();
    format!("198.{}.{middle}.{low}", 18 + high)
}

/// A frame of this address.
fn frame(number: u32) -> Vec<u8> {
    ip4(&address(number)).udp(53).bytes
}

fn start(site: &Site, wire: &Wire, kind: Kind) -> Daemon {
    kind.corefile(site, &wire.interface);
    kind.list(site, sized(LISTED), false);
    wire.inside(|| site.start(kind.program()).attached(1))
}

fn add(site: &Site) -> Command {
    let mut add = Command::new(&site.corexdp);
    add.arg("add");
    add.stdin(Stdio::null()).stdout(Stdio::null());
    add
}

/// Runs `corexdp add -`, and returns its time.
fn batch(site: &Site, wire: &Wire, from: u32, count: u32, end: &str) -> Duration {
    let text = (from..from + count).fold(String::new(), |mut text, number| {
        writeln!(text, "{} action=ACL_DROP{end}", address(number)).unwrap();
        text
    });
    let mut add = Command::new(&site.corexdp);
    add.args(["add", "-"]);
    let begin = Instant::now();
    let outcome = wire.inside(|| finish_with(&mut add, &text));
    outcome.expect(0, &[]);
    begin.elapsed()
}

fn addresses(site: &Site, wire: &Wire) -> Vec<Row> {
    let daemon = start(site, wire, Kind::Prefixes);
    let times = (0..sized(ADDRESSES)).map(|number| {
        let mut add = add(site);
        add.args([&address(number), "action=ACL_DROP"]);
        wire.until_dropped(&mut add, &frame(number))
    });
    let times: Sample = times.collect();
    let bans = nft(site);
    let mut rows = prompt("an address", &times, Some(&bans));
    let pid = daemon.pid();
    let (used, woken) = (processor_time(pid), wakeups(pid));
    let lines = sized(BATCH);
    let time = batch(site, wire, ADDRESSES, lines, " for 1h").as_secs_f64();
    rows.push(Row {
        aim: Aim::Most(LONG),
        ..Row::alone(
            format!("add - with {lines} lines"),
            Unit::Seconds,
            Figure::once(time),
        )
    });
    let from = ADDRESSES + BATCH;
    for (from, count, watched, seconds) in [
        (from, sized(ADDRESSES), sized(ADDRESSES), 2),
        (from + ADDRESSES, sized(ENDING), sized(WATCHED), 10),
    ] {
        let frames = (0..watched).map(|number| frame(from + number * (count / watched)));
        let add = || {
            let end = format!(" for {seconds}s");
            batch(site, wire, from, count, &end);
        };
        let expiry = wire.expiry(&frames.collect::<Vec<_>>(), seconds, add);
        rows.extend(ended(count, &expiry));
    }
    pause(DELETED_MILLISECONDS);
    let spent = processor_time(pid).saturating_sub(used).as_secs_f64();
    let woken = f64::from(u32::try_from(wakeups(pid) - woken).unwrap());
    daemon.stop();
    let all = |part, unit, ours, aim| Row {
        aim,
        ..Row::alone(
            format!("batches, until deleted: {part}"),
            unit,
            Figure::once(ours),
        )
    };
    rows.push(all("processor time", Unit::Seconds, spent, Aim::None));
    rows.push(all("wake-ups", Unit::Times, woken, Aim::None));
    rows
}

fn names(site: &Site, wire: &Wire) -> Vec<Row> {
    let daemon = start(site, wire, Kind::Names);
    let times = (0..sized(NAMES)).map(|number| {
        let name = format!("decided{number}.example");
        let mut add = add(site);
        add.args([&name, "action=QNAME_DROP"]);
        let frame = ip4("198.18.0.1").datagram(53, &asks(&name, 1)).bytes;
        wire.until_dropped(&mut add, &frame)
    });
    let times: Sample = times.collect();
    daemon.stop();
    prompt("a name", &times, None)
}

/// The time of one more address in a set of nft.
fn nft(site: &Site) -> Sample {
    nft_rules(site, sized(LISTED));
    let namespace = Namespace::new();
    let rules = site.file("load.nft");
    namespace.enter(|| finish(Command::new("nft").arg("-f").arg(rules)));
    let bans = (0..BANS).map(|number| {
        let address = format!("198.18.0.{number}");
        let words = ["add", "element", "ip", "load", "listed", "{", &address, "}"];
        namespace.enter(|| finish(Command::new("nft").args(words)).time)
    });
    bans.collect()
}

fn prompt(what: &str, times: &Sample, bans: Option<&Sample>) -> Vec<Row> {
    let row = |part: &str, percent| {
        let ours = times.percentile(percent);
        Row {
            aim: Aim::Most(PROMPT),
            peer: bans.map_or("", |_| NFT),
            theirs: Figure::once(bans.map_or(0.0, |bans| bans.percentile(percent))),
            ..Row::alone(
                format!("{what} dropped, {part}"),
                Unit::Seconds,
                Figure::once(ours),
            )
        }
    };
    vec![row("p50", 50), row("p99", 99)]
}

fn ended(count: u32, expiry: &Expiry) -> Vec<Row> {
    let row = |part: &str, unit, ours, aim| Row {
        aim,
        ..Row::alone(format!("{count} end, {part}"), unit, Figure::once(ours))
    };
    let number = |count: u64| f64::from(u32::try_from(count).unwrap());
    vec![
        row(
            "passed after, most",
            Unit::Seconds,
            expiry.latest.as_secs_f64(),
            Aim::None,
        ),
        row("late", Unit::Times, number(expiry.late), Aim::Most(0.0)),
        row("lost", Unit::Times, number(expiry.lost), Aim::Most(0.0)),
    ]
}
