//! `corexdp top`: shares of a flood with known shares.

mod screen;
mod terminal;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::verdicts;
use support::net::Site;
use support::packets::frame::ip4;
use support::packets::message::query;
use support::wait::End;

/// A flood in thousandths of its packets: weight, source and question. The last byte of a source is its verdict.
const FLOOD: [(u64, &str, &str, u16); 4] = [
    (600, "198.51.100.1", "www.example.org", 255),
    (250, "192.0.2.2", "example.com", 28),
    (100, "192.0.2.3", "a.example.net", 1),
    (50, "203.0.113.2", "", 0),
];

/// The flood as frames in a fixed order. Sources without a question send another datagram.
fn frames() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut credit = FLOOD.map(|_| 0_i64);
    for _ in 0..1000 {
        for (credit, (share, ..)) in credit.iter_mut().zip(FLOOD) {
            *credit += i64::try_from(share).unwrap();
        }
        // The source that is owed most.
        let most = (0..FLOOD.len()).max_by_key(|at| credit[*at]).unwrap();
        credit[most] -= 1000;
        let (_, source, name, kind) = FLOOD[most];
        let packet = ip4(source);
        let frame = match name {
            "" => packet.datagram(123, b"ntp"),
            name => packet.datagram(53, &query(name, kind).bytes),
        };
        frames.push(frame.bytes);
    }
    frames
}

/// Sends the flood while `act` runs.
fn flooded<T: Send>(site: &Site, act: impl FnOnce() -> T + Send) -> T {
    sending(site, &frames(), act)
}

/// Sends these frames again and again while `act` runs.
fn sending<T: Send>(site: &Site, frames: &[Vec<u8>], act: impl FnOnce() -> T + Send) -> T {
    let (sender, end) = (site.sender(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                for frame in frames {
                    sender.send(frame, 1);
                }
            }
        });
        let _end = End(&end);
        act()
    })
}

/// The report as JSON.
fn report(site: &Site, words: &[&str]) -> Value {
    let words = [&["top", "--json"], words].concat();
    let outcome = site.ask(&words);
    outcome.expect(0, &[]);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:#?}"))
}

/// The rows of the table of a subject.
fn rows<'v>(report: &'v Value, by: &str) -> &'v Vec<Value> {
    let tables = report["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table["by"] == by);
    table.unwrap_or_else(|| panic!("no {by}: {report}"))["rows"]
        .as_array()
        .unwrap()
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

/// Checks that a key has this share, within 2 points and within the error that the report gives.
fn expect_share(report: &Value, by: &str, key: &str, permille: u64) -> Value {
    let mut rows = rows(report, by).iter();
    let row = rows.find(|row| row["key"] == key);
    let row = row.unwrap_or_else(|| panic!("no {key}: {report}"));
    let (share, error) = (
        number(&row["share_permille"]),
        number(&row["error_permille"]),
    );
    let off = share.abs_diff(permille);
    assert!(
        off <= 20,
        "{by} {key} is {share} instead of {permille}: {report}"
    );
    // Twice the error of 95 % is exceeded once in ten thousand.
    assert!(
        off <= 2 * error + 2,
        "{by} {key} is {share} instead of {permille}: {report}"
    );
    row.clone()
}

#[test]
fn shares_are_those_of_the_flood() {
    let (site, daemon) = verdicts::start(&[], "");
    let report = flooded(&site, || report(&site, &["--for", "5s"]));
    assert!(number(&report["milliseconds"]) >= 5000, "{report}");
    assert!(number(&report["samples"]) >= 1000, "{report}");
    assert_eq!(report["interfaces"], serde_json::json!(["edge0"]));
    for (permille, source, name, _) in FLOOD {
        let row = expect_share(&report, "source", source, permille);
        let verdict =
            ["drop", "pass", "tx"][usize::from(source.as_bytes()[source.len() - 1] - b'1')];
        let rate = &row["packets_per_second"];
        assert_eq!(&row["verdicts"][verdict], rate, "{report}");
        if !name.is_empty() {
            expect_share(&report, "name", name, permille);
        }
    }
    expect_share(&report, "network", "192.0.2.0/24", 350);
    expect_share(&report, "suffix", "*.example.org", 600);
    expect_share(&report, "type", "ANY", 600);
    expect_share(&report, "type", "UDP/123", 50);
    expect_share(&report, "verdict", "drop", 600);
    expect_share(&report, "verdict", "tx", 100);
    daemon.stop();
}

/// The rate in packets per second is that of the frame's counters.
#[test]
fn rate_is_that_of_the_counters() {
    let (site, daemon) = verdicts::start(&[], "");
    let counted = || {
        let totals = verdicts::totals(&site, "verdicts");
        totals.values().map(|(packets, _)| packets).sum::<u64>()
    };
    let (report, counted) = flooded(&site, || {
        let before = counted();
        let report = report(&site, &["--for", "2s"]);
        (report, counted() - before)
    });
    let milliseconds = number(&report["milliseconds"]);
    let estimated = number(&report["packets_per_second"]) * milliseconds / 1000;
    // The counters go on while the command starts and ends.
    assert!(estimated <= counted + counted / 50, "{counted}: {report}");
    assert!(estimated >= counted / 2, "{counted}: {report}");
    daemon.stop();
}

#[test]
fn report_for_a_pipe_is_plain_text() {
    let (site, daemon) = verdicts::start(&[], "");
    let text = flooded(&site, || {
        let outcome = site.ask(&["top", "--for", "1s", "-n", "2"]);
        outcome.expect(0, &[]);
        outcome.stdout
    });
    assert!(text.starts_with("corexdp top, 1 s: edge0 "), "{text}");
    for part in [
        "  198.51.100.1\n",
        "  www.example.org\n",
        "  (other)\n",
        "types: ANY ",
    ] {
        assert!(text.contains(part), "{part:?}: {text}");
    }
    assert!(
        text.bytes()
            .all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)),
        "{text}"
    );
    let one = site.ask(&["top", "--for", "1ms", "--by", "type"]);
    one.expect(0, &[]);
    assert!(one.stdout.contains("  type\n"), "{one:#?}");
    daemon.stop();
}

/// The sample of an answered query is the answer, whose source is the server.
#[test]
fn answered_queries_count_for_their_source() {
    let site = verdicts::quiet_site();
    site.folder.shipped("dns");
    let entry = "entry 255 action=DNS_TRUNCATE";
    let daemon = site.run(&verdicts::corefile("dns", entry)).attached(1);
    let frame = ip4("198.51.100.9").datagram(53, &query("www.example.org", 255).bytes);
    let text = sending(&site, &[frame.bytes], || {
        site.ask(&["top", "--for", "1s"]).stdout
    });
    for row in ["198.51.100.9\n", "www.example.org\n"] {
        let row = format!("   0.0% 100.0%  {row}");
        assert!(text.contains(&row), "{row:?}: {text}");
    }
    assert!(text.contains("types: ANY 100.0%"), "{text}");
    daemon.stop();
}

#[test]
fn top_needs_a_daemon() {
    let site = Site::new();
    let outcome = site.ask(&["top"]);
    outcome.refuses(
        69,
        &["no daemon listens at control; start one, or name its socket with --control"],
    );
    let outcome = site.ask(&["top", "--by", "nothing"]);
    outcome.refuses(
        64,
        &["--by \"nothing\": use source, network, name, suffix, type or verdict"],
    );
}
