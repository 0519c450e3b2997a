//! Decisions in a held filter, and the file that keeps them.

use std::fs;

use super::Held;
use crate::decisions::tables;
use support::net::Daemon;
use support::wait::wait_for;

const FILE: &str = "state/decisions";

fn corefile(object: &str, lines: &str) -> String {
    tables::corefile(object, &format!("    exit hold\n{lines}"))
}

/// A held filter with two decisions.
fn decided() -> (Held, Daemon) {
    let held = Held::new();
    held.site.folder.shipped("acl");
    let daemon = held.start(&corefile("acl", ""));
    for key in ["192.0.2.7", "192.0.2.8"] {
        tables::add(&held.site, &[key, "action=ACL_DROP"]);
    }
    (held, daemon)
}

/// The addresses with decisions.
fn dumped(held: &Held) -> Vec<String> {
    let mut lines = tables::dumped(&held.site);
    lines.sort();
    let keys = lines.iter().filter_map(|line| line.split(' ').nth(1));
    keys.map(str::to_owned).collect()
}

/// The filter that a rollback restores has the decisions of its end.
#[test]
fn decision_deleted_before_a_rollback_ends_at_the_next_start() {
    let (held, daemon) = decided();
    daemon.stop();
    let other = corefile("acl", "    entry 198.51.100.7 action=ACL_DROP\n");
    let daemon = held.start_with(&other, &["--confirm", "1m"]);
    held.site.decide(&["delete", "192.0.2.7"]).expect(0, &[]);
    daemon.stop();
    let daemon = held.start(&corefile("acl", ""));
    assert_eq!(
        daemon.lines_with("decisions:"),
        [format!(
            "warning: decisions: 1 deleted that {FILE} does not have"
        )]
    );
    assert_eq!(dumped(&held), ["192.0.2.8/32"]);
    daemon.stop();
    let daemon = held.start(&corefile("acl", ""));
    assert_eq!(daemon.lines_with("decisions:"), [""; 0]);
    assert_eq!(dumped(&held), ["192.0.2.8/32"]);
    daemon.stop();
}

#[test]
fn decisions_stay_without_a_readable_file() {
    let (held, daemon) = decided();
    daemon.stop();
    let file = held.site.folder.file(FILE);
    let text = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let both = ["192.0.2.7/32", "192.0.2.8/32"];
    let daemon = held.start(&corefile("acl", ""));
    assert_eq!(dumped(&held), both);
    daemon.stop();
    // A client was killed while it deleted the decision.
    let pending = text.replacen('\n', " pending\n", 1);
    fs::write(&file, pending).unwrap();
    let daemon = held.start(&corefile("acl", ""));
    assert_eq!(dumped(&held), both);
    daemon.stop();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let daemon = held.start(&corefile("acl", ""));
    daemon.line("cannot read the decisions");
    assert_eq!(dumped(&held), both);
    daemon.stop();
}

/// No daemon was there to delete the decision in time.
#[test]
fn decision_whose_time_was_up_without_a_daemon_is_deleted() {
    let held = Held::new();
    held.site.folder.fixture("blocks");
    let daemon = held.start(&corefile("blocks", ""));
    for time in ["1s", "1h"] {
        let key = if time == "1s" {
            "192.0.2.7"
        } else {
            "192.0.2.8"
        };
        let words = ["add", "@hosts", key, "action=BLOCK_DROP", "for", time];
        held.site.decide(&words).expect(0, &[]);
    }
    daemon.kill();
    let hosts = || held.site.filter().map("hosts").count();
    assert_eq!(hosts(), 2);
    let file = held.site.folder.file(FILE);
    let text = fs::read_to_string(&file).unwrap();
    let (start, end) = text.split_once(" until ").unwrap();
    let (_, rest) = end.split_once('\n').unwrap();
    fs::write(&file, format!("{start} until 2020-01-01T00:00:00Z\n{rest}")).unwrap();
    let daemon = held.start(&corefile("blocks", ""));
    wait_for("entries", &1, hosts);
    assert_eq!(dumped(&held), ["@hosts"]);
    daemon.stop();
}

/// The lines of the file name the former object.
#[test]
fn object_of_another_name_takes_no_held_decisions() {
    let held = Held::new();
    held.site.folder.fixture("blocks");
    let daemon = held.start(&corefile("blocks", ""));
    held.site
        .decide(&["add", "@hosts", "192.0.2.7", "action=BLOCK_DROP"])
        .expect(0, &[]);
    daemon.stop();
    let folder = &held.site.folder;
    fs::rename(folder.file("blocks.o"), folder.file("walls.o")).unwrap();
    let daemon = held.start(&corefile("walls", ""));
    daemon.line("decision not restored: edge0 has no filter blocks");
    assert_eq!(held.site.filter().map("hosts").count(), 0);
    daemon.stop();
}
