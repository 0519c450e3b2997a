//! The text that `corexdp status` prints: columns and colours.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::packet;
use crate::status::{COREFILE, ask, json, start};
use support::net::Site;
use support::wait::wait_until;

#[test]
fn columns_of_several_filters_are_aligned() {
    let site = Site::new();
    site.add_wire("another0", "far0");
    let second = COREFILE
        .replace("  prometheus\n", "")
        .replace("edge0", "another0");
    let second = second.replace("metric dropped", "metric other");
    let daemon = site.run(&format!("{COREFILE}{second}")).attached(2);
    let text = ask(&site, &[]).stdout;
    let column = |line: &str, word: &str| {
        line.find(word)
            .unwrap_or_else(|| panic!("{word} in {text}"))
    };
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains(" attached "))
        .collect();
    let names = text
        .lines()
        .find(|line| line.starts_with("interface  state"))
        .unwrap();
    assert_eq!(lines.len(), 2, "{text}");
    for line in lines {
        assert_eq!(column(line, "attached"), column(names, "state"), "{text}");
        assert_eq!(column(line, "native"), column(names, "mode"), "{text}");
    }
    assert!(!text.contains('\x1b'), "colours are for terminals: {text}");
    daemon.stop();
}

/// The output of `status` on a terminal with this value of `NO_COLOR`.
fn on_terminal(site: &Site, no_color: Option<&str>) -> String {
    let ends = nix::pty::openpty(None, None).unwrap();
    let mut command = site.asking(&["status"]);
    command
        .env_remove("NO_COLOR")
        .stdout(Stdio::from(ends.slave));
    command.envs(no_color.map(|value| ("NO_COLOR", value)));
    let mut child = command.spawn().unwrap();
    // The command holds a copy of the slave end, which must be closed before the master reports the end.
    drop(command);
    let mut text = Vec::new();
    // Reading the master fails with EIO after the last slave end is closed.
    let _ = std::io::Read::read_to_end(&mut fs::File::from(ends.master), &mut text);
    assert!(child.wait().unwrap().success());
    String::from_utf8(text).unwrap().replace("\r\n", "\n")
}

/// The text without its numbers, which differ from one request to the next.
fn without_numbers(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("rates: "));
    let words = lines.flat_map(|line| line.split_whitespace().chain(["\n"]));
    let words =
        words.filter(|word| *word != "-" && !word.starts_with(|c: char| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn colours_need_a_terminal_and_no_no_color() {
    let (site, daemon) = start();
    let plain = without_numbers(&ask(&site, &[]).stdout);
    for (no_color, coloured) in [(None, true), (Some(""), true), (Some("1"), false)] {
        let text = on_terminal(&site, no_color);
        assert_eq!(
            text.contains("\x1b[32mattached\x1b[0m"),
            coloured,
            "{text:?}"
        );
        let without = text.replace("\x1b[32m", "").replace("\x1b[0m", "");
        assert_eq!(without_numbers(&without), plain, "{no_color:?}");
    }
    daemon.stop();
}

/// A script gets rates from the second request on, without waiting.
#[test]
fn rates_match_the_packets_sent() {
    let (site, daemon) = start();
    let first = ask(&site, &[]).stdout;
    assert!(first.contains("\nrates: none yet; "), "{first}");
    let begin = Instant::now();
    site.sender().send(&packet("10.11.0.1"), 3000);
    // Not by requests to the daemon, each of which begins a period.
    let map = site.filter().map("xdp_map");
    wait_until("3000 packets are counted", || {
        let entries = map.entries();
        let counted = entries.iter().any(|(_, value)| value.contains("B80B0000"));
        if counted { Ok(()) } else { Err(entries) }
    });
    std::thread::sleep(Duration::from_secs(1));
    let status = json(&site, &[]);
    let most = begin.elapsed().as_millis() + 1000;
    let period = u128::from(status["period_ms"].as_u64().unwrap());
    assert!((1000..=most).contains(&period), "{status}");
    let drop = &status["filters"][0]["verdicts"][1];
    assert_eq!(drop["verdict"], "drop");
    assert_eq!(
        (&drop["period_packets"], &drop["period_bytes"]),
        (&3000.into(), &126_000.into())
    );
    daemon.stop();
}

/// On a terminal the command asks a second time after a second.
#[test]
fn first_status_on_a_terminal_has_rates() {
    let (site, daemon) = start();
    let text = on_terminal(&site, Some("1"));
    assert!(text.contains("\nrates: mean of the last 1."), "{text}");
    let row = text
        .lines()
        .find(|line| line.starts_with("edge0      example  drop "));
    let words: Vec<_> = row.expect(&text).split_whitespace().collect();
    assert_eq!(words, ["edge0", "example", "drop", "0", "0", "0", "0"]);
    daemon.stop();
}
