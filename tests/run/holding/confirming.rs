//! `exit hold` with `--confirm`: an unconfirmed filter is not held, and a held filter returns.

use super::{Held, NEW, OLD, corefile};
use support::wait::wait_for;

#[test]
fn unconfirmed_filter_is_not_held() {
    let held = Held::new();
    let daemon = held.start_with(&corefile(OLD, "exit hold"), &["--confirm", "1m"]);
    assert!(!held.pins().1);
    daemon.kill();
    wait_for("the program of the interface", &None, || {
        held.site.attached()
    });
    let daemon = held.start_with(&corefile(OLD, "exit hold"), &["--confirm", "1m"]);
    held.site.ask(&["confirm"]).expect(0, &[]);
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
    assert!(held.site.attached().is_some());
}

#[test]
fn unconfirmed_start_restores_the_held_filter() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.drops("10.11.0.1", 0);
    daemon.stop();
    let filter = held.site.filter();
    let daemon = held.start_with(&corefile(NEW, "exit hold"), &["--confirm", "300ms"]);
    let (code, lines) = daemon.ended();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert_eq!(held.site.filter(), filter);
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.drops("10.11.0.1", 2);
    daemon.stop();
}

/// A service manager stops or upgrades the daemon before anyone has confirmed.
#[test]
fn unconfirmed_start_leaves_no_filter() {
    let held = Held::new();
    for exit in ["exit hold", "exit detach"] {
        let daemon = held.start_with(&corefile(OLD, exit), &["--confirm", "1m"]);
        let lines = daemon.stop();
        let end = [
            "warning: not confirmed before the end: the start is rolled back",
            "stopped by SIGTERM, detached",
        ];
        assert_eq!(lines[lines.len() - 2..], end);
        assert_eq!(held.site.attached(), None);
        assert_eq!(held.names(), [""; 0]);
    }
}

#[test]
fn stop_before_confirmation_restores_the_held_filter() {
    for (start, exit) in [
        (true, "exit hold"),
        (true, ""),
        (false, "exit hold"),
        (false, ""),
    ] {
        let held = Held::new();
        let daemon = held.start(&corefile(OLD, "exit hold"));
        held.drops("10.11.0.1", 0);
        let filter = held.site.filter();
        let new = corefile(NEW, exit);
        let daemon = if start {
            daemon.stop();
            held.start_with(&new, &["--confirm", "1m"])
        } else {
            held.site.folder.write("Corefile", &new);
            held.site.ask(&["reload", "--confirm", "1m"]).expect(0, &[]);
            daemon
        };
        let lines = daemon.stop();
        assert_eq!(
            lines.last().unwrap(),
            "stopped by SIGTERM, held filters stay",
            "{start} {exit} {lines:#?}"
        );
        assert_eq!(held.site.filter(), filter, "{start} {exit}");
        assert_eq!(held.pins(), (1, true), "{start} {exit}");
        let daemon = held.start(&corefile(OLD, "exit hold"));
        assert_eq!(held.site.filter(), filter);
        held.drops("10.11.0.1", 2);
        daemon.stop();
    }
}

#[test]
fn stop_before_confirmation_pins_no_new_filter() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, ""));
    held.site
        .folder
        .write("Corefile", &corefile(NEW, "exit hold"));
    held.site.ask(&["reload", "--confirm", "1m"]).expect(0, &[]);
    let lines = daemon.stop();
    assert_eq!(lines.last().unwrap(), "stopped by SIGTERM, detached");
    assert_eq!(held.site.attached(), None);
    assert_eq!(held.names(), [""; 0]);
}

/// No process is left that could roll back, so the filter is detached, and the next start finds nothing to adopt.
#[test]
fn kill_before_confirmation_leaves_no_filter() {
    for start in [true, false] {
        let held = Held::new();
        let daemon = held.start(&corefile(OLD, "exit hold"));
        let daemon = if start {
            daemon.stop();
            held.start_with(&corefile(NEW, "exit hold"), &["--confirm", "1m"])
        } else {
            held.site
                .folder
                .write("Corefile", &corefile(NEW, "exit hold"));
            held.site.ask(&["reload", "--confirm", "1m"]).expect(0, &[]);
            daemon
        };
        daemon.kill();
        wait_for("the program of the interface", &None, || {
            held.site.attached()
        });
        let daemon = held.start(&corefile(OLD, "exit hold"));
        held.drops("10.11.0.1", 0);
        assert_eq!(held.pins(), (1, true));
        daemon.stop();
    }
}
