//! The screen of `top` on a terminal.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::terminal::Terminal;
use super::{flooded, sending};
use crate::verdicts;
use support::net::Site;
use support::packets::frame::{ip4, ip6};
use support::packets::message::query;
use support::wait::{prompt, wait_until};

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
    sending(&site, &[frame], || {
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

/// The prompt is waited for, not the time: the first screen has the flood after a second.
#[test]
fn first_screen_has_the_flood() {
    let (site, daemon) = verdicts::start(&[], "");
    flooded(&site, || {
        prompt(Duration::from_secs(10), |_| {
            let begin = Instant::now();
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
