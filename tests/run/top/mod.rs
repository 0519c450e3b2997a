//! `corexdp top`: shares of a flood with known shares, and the screen on a terminal.

mod terminal;

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::verdicts;
use support::net::Site;
use support::packets::frame::{ip4, ip6};
use support::packets::message::query;
use support::wait::{End, wait_until};
use terminal::Terminal;

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
    let (sender, frames, end) = (site.sender(), frames(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                frames.iter().for_each(|frame| sender.send(frame, 1));
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
    expect_share(&report, "suffix", "*.www.example.org", 600);
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

fn top(site: &Site, words: &[&str]) -> Command {
    site.asking(&[&["top"], words].concat())
}

#[test]
fn screen_shows_the_flood_and_leaves_the_terminal_as_it_was() {
    let (site, daemon) = verdicts::start(&[], "");
    flooded(&site, || {
        for end in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            let mut terminal = Terminal::start(&top(&site, &[]));
            let screen = terminal.shows("  198.51.100.1\n");
            assert!(
                screen.starts_with("corexdp top, last 10 s: edge0 "),
                "{screen}"
            );
            assert!(screen.contains("  www.example.org\n"), "{screen}");
            assert!(screen.contains("s source  n network"), "{screen}");
            terminal.passes_each_key(true);
            terminal.signal(end);
            assert_eq!(terminal.ended(), Some(0));
            assert!(terminal.screen().contains("  198.51.100.1\n"));
        }
    });
    daemon.stop();
}

#[test]
fn keys_change_the_screen() {
    let (site, daemon) = verdicts::start(&[], "");
    flooded(&site, || {
        let mut terminal = Terminal::start(&top(&site, &[]));
        terminal.shows("  198.51.100.1\n");
        for (key, shown) in [
            ("n", "  198.51.100.0/24\n"),
            ("d", "  www.example.org\n"),
            ("x", "  *.example.com\n"),
            ("t", "  AAAA\n"),
            ("v", "  tx\n"),
            ("?", "pause, go on\n"),
            ("?", "  tx\n"),
            ("a", "  198.51.100.1\n"),
            (" ", "corexdp top, paused: "),
            (" ", "corexdp top, last 10 s: "),
        ] {
            terminal.types(key);
            terminal.shows(shown);
        }
        terminal.types("q");
        assert_eq!(terminal.ended(), Some(0));
    });
    daemon.stop();
}

#[test]
fn stopped_screen_gives_the_terminal_back() {
    let (site, daemon) = verdicts::start(&[], "");
    flooded(&site, || {
        let mut terminal = Terminal::start(&top(&site, &["--by", "source"]));
        terminal.shows("  198.51.100.1\n");
        // Ctrl-Z, then Ctrl-C.
        terminal.types("\x1a");
        terminal.passes_each_key(false);
        terminal.signal(Signal::SIGCONT);
        terminal.passes_each_key(true);
        terminal.types("\x03");
        assert_eq!(terminal.ended(), Some(0));
    });
    daemon.stop();
}

#[test]
fn screen_with_a_time_ends() {
    let (site, daemon) = verdicts::start(&[], "");
    flooded(&site, || {
        let mut terminal = Terminal::start(&top(&site, &["--for", "1s", "--by", "name"]));
        assert_eq!(terminal.ended(), Some(0));
        let screen = terminal.shows("  www.example.org\n");
        assert!(screen.contains("corexdp top, 1 s: edge0 "), "{screen}");
    });
    daemon.stop();
}

#[test]
fn names_are_escaped() {
    let (site, daemon) = verdicts::start(&[], "");
    let question = query("\x1b[2J\u{7f}.example.org", 1).bytes;
    let frame = ip6("2001:db8::1").datagram(53, &question).bytes;
    let (sender, end) = (site.sender(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                sender.send(&frame, 10);
            }
        });
        let _end = End(&end);
        let mut terminal = Terminal::start(&top(&site, &[]));
        let screen = terminal.shows("\\027[2j\\127.example.org\n");
        assert!(screen.contains("  2001:db8::1\n"), "{screen}");
        terminal.types("q");
        assert_eq!(terminal.ended(), Some(0));
    });
    daemon.stop();
}

#[test]
fn samples_go_on_after_a_reload() {
    let (site, daemon) = verdicts::start(&[], "");
    flooded(&site, || {
        let mut terminal = Terminal::start(&top(&site, &[]));
        terminal.shows("  198.51.100.1\n");
        site.ask(&["reload"]).expect(0, &[]);
        terminal.types("s");
        let (sender, other) = (site.sender(), ip4("198.51.100.66").udp(53).bytes);
        wait_until("the screen shows another source", || {
            sender.send(&other, 100);
            let screen = terminal.screen();
            if screen.contains("  198.51.100.66\n") {
                Ok(())
            } else {
                Err(screen)
            }
        });
        terminal.types("q");
        assert_eq!(terminal.ended(), Some(0));
    });
    daemon.stop();
}

#[test]
fn top_ends_when_the_daemon_does() {
    let (site, daemon) = verdicts::start(&[], "");
    flooded(&site, || {
        let mut terminal = Terminal::start(&top(&site, &[]));
        terminal.shows("  198.51.100.1\n");
        daemon.stop();
        assert_eq!(terminal.ended(), Some(69));
        let message = "corexdp: no daemon listens at control; start one";
        assert!(terminal.errors().starts_with(message));
    });
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

/// The prompt is waited for, not the time: the first screen has the flood after a second.
#[test]
fn first_screen_has_the_flood() {
    let (site, daemon) = verdicts::start(&[], "");
    flooded(&site, || {
        support::wait::prompt(std::time::Duration::from_secs(10), |_| {
            let begin = std::time::Instant::now();
            let mut terminal = Terminal::start(&top(&site, &[]));
            wait_until(
                "the screen shows who floods, with what, and that it is dropped",
                || {
                    let screen = terminal.screen();
                    let row = |key: &str| {
                        let mut lines = screen.lines();
                        lines.find(|line| line.ends_with(key) && line.contains(" 100.0% "))?;
                        Some(())
                    };
                    row("  198.51.100.1").and(row("  www.example.org"))
                },
            );
            let time = begin.elapsed();
            terminal.types("q");
            assert_eq!(terminal.ended(), Some(0));
            time
        });
    });
    daemon.stop();
}
