//! Decisions survive a reload and a restart.

use std::fs;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;
use std::thread;

use nix::sys::signal::Signal;

use super::{FILE, blocks, corefile, drops, entries, kept, start};
use support::net::{Site, finish_with, pause};
use support::objects::compile::compile_with;

#[test]
fn restart_and_reload_keep_decisions() {
    let site = blocks();
    let daemon = start(&site, "");
    site.decide(&["add", "192.0.2.7", "action=BLOCK_DROP", "for", "1h"])
        .expect(0, &[]);
    site.decide(&["add", "@hosts", "192.0.2.8", "action=BLOCK_DROP"])
        .expect(0, &[]);
    let check = || {
        assert!(drops(&site, "192.0.2.7") && drops(&site, "192.0.2.8"));
        assert_eq!((entries(&site, "xdp_map"), kept(&site).len()), (1, 2));
    };
    check();
    // Entries alone change, then the program is loaded anew.
    for (number, lines) in [
        "    entry @hosts 198.51.100.7 action=BLOCK_DROP\n",
        "    mode generic\n",
    ]
    .iter()
    .enumerate()
    {
        site.folder.write("Corefile", &corefile(lines));
        daemon.signal(Signal::SIGHUP);
        daemon.nth_line(number, "reload: done");
        check();
    }
    daemon.stop();
    let daemon = start(&site, "");
    check();
    daemon.kill();
    let daemon = start(&site, "");
    check();
    // The Corefile gives the key now: the decision gives way, and the end of its time changes nothing.
    let lines = "    entry 192.0.2.7 action=BLOCK_PASS\n";
    site.folder.write("Corefile", &corefile(lines));
    site.ask(&["reload"]).expect(0, &[]);
    assert!(!drops(&site, "192.0.2.7"));
    let path = site.folder.file("Corefile").display().to_string();
    site.decide(&["delete", "192.0.2.7"]).expect(
        69,
        &[&format!(
            "corexdp: delete: 192.0.2.7/32 is given by {path}:6; change it there, and reload"
        )],
    );
    assert_eq!(kept(&site).len(), 1);
    daemon.stop();
}

#[test]
fn garbage_in_the_file_is_named_and_the_rest_is_restored() {
    let site = blocks();
    fs::create_dir(site.folder.file("state")).unwrap();
    let text = "# a comment\n\
        edge0 blocks entry 192.0.2.7/32 action=BLOCK_DROP\n\
        garbage\n\
        edge0 blocks entry 192.0.2.8/32 action=NOTHING\n\
        edge0 blocks entry 192.0.2.9/32 action=BLOCK_DROP until 2020-01-01T00:00:00Z\n\
        edge0 blocks entry 192.0.2.9/32 action=BLOCK_DROP until yesterday\n\
        edge9 blocks entry 192.0.2.7/32 action=BLOCK_DROP\n\
        edge0 blocks entry @more 192.0.2.7/32 action=BLOCK_DROP\n\
        edge0 blocks entry 192.0.2.6/32 action=BLOCK_DROP pending\n\
        \u{0}\u{1}\n";
    site.folder.write(FILE, text);
    let daemon = start(&site, "");
    let warnings = daemon.lines_with("not restored");
    let expected = [
        "warning: state/decisions:3: decision not restored: not a decision; write INTERFACE OBJECT entry [@MAP] KEY FIELD=VALUE… [until TIME]",
        "warning: state/decisions:4: decision not restored: action is enum block, 4 bytes; it takes BLOCK_NONE, BLOCK_DROP or BLOCK_PASS, not \"NOTHING\"",
        "warning: state/decisions:6: decision not restored: \"yesterday\" is not a time such as 2026-01-31T23:59:59Z",
        "warning: state/decisions:7: decision not restored: edge9 has no filter blocks",
        "warning: state/decisions:8: decision not restored: blocks has no map more; add the decision to another map",
        "warning: state/decisions: 1 more decision not restored",
    ];
    assert_eq!(warnings, expected);
    assert!(drops(&site, "192.0.2.7") && !drops(&site, "192.0.2.6"));
    assert_eq!(entries(&site, "xdp_map"), 1);
    daemon.stop();
}

/// Clients whose daemon was killed have left the lines.
#[test]
fn pending_lines_of_one_key_become_one() {
    let site = blocks();
    fs::create_dir(site.folder.file("state")).unwrap();
    let sure = "edge0 blocks entry 192.0.2.5/32 action=BLOCK_DROP";
    let pending = "edge0 blocks entry 192.0.2.5/32 action=BLOCK_DROP pending";
    let other = "edge0 blocks entry 192.0.2.6/32 action=BLOCK_DROP pending";
    let lines = [sure, pending, pending, other, other, other];
    site.folder.write(FILE, &(lines.join("\n") + "\n"));
    let daemon = start(&site, "");
    let added = "edge0 blocks entry 192.0.2.7/32 action=BLOCK_DROP";
    site.decide(&["add", "192.0.2.7", "action=BLOCK_DROP"])
        .expect(0, &[]);
    assert_eq!(kept(&site), [sure, pending, other, added]);
    daemon.stop();
}

#[test]
fn object_of_another_name_loses_decisions_with_a_warning() {
    // Other content, and the same content.
    for options in [&["-DENTRIES=8"][..], &[]] {
        object_of_another_name_loses_decisions(options);
    }
}

fn object_of_another_name_loses_decisions(options: &[&str]) {
    let site = blocks();
    let daemon = start(&site, "");
    site.decide(&["add", "192.0.2.7", "action=BLOCK_DROP"])
        .expect(0, &[]);
    let other = compile_with("blocks", &site.folder.file("other"), options);
    fs::copy(other, site.folder.file("walls.o")).unwrap();
    let changed = corefile("").replace("blocks.o", "walls.o");
    site.folder.write("Corefile", &changed);
    daemon.signal(Signal::SIGHUP);
    daemon.line("xdp_map: the new map lacks 1 decision; add what is missing again");
    daemon.line("reload: done");
    assert!(!drops(&site, "192.0.2.7"));
    site.decide(&["delete", "192.0.2.7"])
        .refuses(1, &["no decision"]);
    site.folder.write("Corefile", &corefile(""));
    site.ask(&["reload"]).expect(0, &[]);
    assert!(!drops(&site, "192.0.2.7"));
    daemon.stop();
    let daemon = start(&site, "");
    assert!(drops(&site, "192.0.2.7"));
    daemon.stop();
}

/// A map, not a table: the entry replaces the decision.
#[test]
fn reload_that_gives_the_key_of_a_decision_warns() {
    let site = blocks();
    let daemon = start(&site, "");
    let given = |lines: &str| site.folder.write("Corefile", &corefile(lines));
    let warned = |key: &str| {
        let warning = format!(
            "warning: Corefile:6: entry: the decision about {key} in hosts ends; the line gives the key"
        );
        assert_eq!(daemon.lines_with("ends; the line").last(), Some(&warning));
    };
    // The maps stay, and the stage gets new maps.
    for (last, lines) in [(7, ""), (8, "    mode generic\n")] {
        let key = format!("192.0.2.{last}");
        site.decide(&["add", "@hosts", &key, "action=BLOCK_DROP"])
            .expect(0, &[]);
        let line = format!("    entry @hosts {key} action=BLOCK_PASS\n");
        given(&(line + lines));
        site.ask(&["reload"]).expect(0, &[]);
        warned(&key);
        assert!(!drops(&site, &key));
        given(lines);
        site.ask(&["reload"]).expect(0, &[]);
    }
    assert_eq!(entries(&site, "hosts"), 0);
    // The first 20 are named.
    let mut lines = String::new();
    for last in 1..=22 {
        let key = format!("192.0.2.{last}");
        site.decide(&["add", "@hosts", &key, "action=BLOCK_DROP"])
            .expect(0, &[]);
        writeln!(lines, "    entry @hosts {key} action=BLOCK_PASS").unwrap();
    }
    given(&(lines + "    mode generic\n"));
    site.ask(&["reload"]).expect(0, &[]);
    assert_eq!(daemon.lines_with("ends; the line").len(), 22);
    daemon.line("warning: edge0: 2 more decisions not kept; lines give their keys");
    daemon.stop();
}

/// A batch of `count` decisions about addresses in 10.`net`.0.0/16.
fn batch(net: u32, count: u32) -> String {
    let mut text = String::new();
    for n in 0..count {
        let (high, low) = (n / 256, n % 256);
        writeln!(
            text,
            "@hosts 10.{net}.{high}.{low} action=BLOCK_DROP for 1h"
        )
        .unwrap();
    }
    text
}

#[test]
fn two_clients_at_once_lose_nothing() {
    let site = blocks();
    let daemon = start(&site, "");
    let clients: Vec<_> = (1..=4)
        .map(|net| {
            let mut command = site.deciding(&["add", "-"]);
            thread::spawn(move || finish_with(&mut command, &batch(net, 1000)).expect(0, &[]))
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!((entries(&site, "hosts"), kept(&site).len()), (4000, 4000));
    daemon.stop();
}

/// Starts a batch and kills its client a moment later.
fn killed(site: &Site, text: &str, milliseconds: u64) {
    let mut command = site.deciding(&["add", "-"]);
    let mut client = command
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = client.stdin.take().unwrap();
    let text = text.to_owned();
    // The write fails if the client is killed before it has read all.
    let writer = thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
    pause(milliseconds);
    client.kill().unwrap();
    client.wait().unwrap();
    writer.join().unwrap();
}

#[test]
fn killed_clients_and_daemons_leave_file_and_map_in_agreement() {
    let site = blocks();
    let mut daemon = start(&site, "");
    for round in 0..24_u32 {
        let text = batch(round, 400);
        killed(&site, &text, u64::from(round) * 5);
        if round % 6 == 5 {
            daemon.kill();
            daemon = start(&site, "");
            assert_eq!(daemon.lines_with("not restored"), [""; 0]);
            let lines = kept(&site);
            let sure = lines.iter().filter(|line| !line.ends_with("pending"));
            assert_eq!(entries(&site, "hosts"), sure.count(), "round {round}");
        }
    }
    // The file is whole, and every client can go on.
    finish_with(&mut site.deciding(&["add", "-"]), &batch(99, 10)).expect(0, &[]);
    assert!(
        kept(&site)
            .iter()
            .all(|line| line.starts_with("edge0 blocks entry @hosts 10."))
    );
    daemon.stop();
}

#[test]
fn folder_that_cannot_be_used_is_only_a_warning() {
    let site = blocks();
    fs::create_dir_all(site.folder.file(FILE)).unwrap();
    let daemon = start(&site, "");
    daemon.line("cannot read the decisions in state/decisions: is a directory; the filters start without them");
    let add = |key: &str, state: &str, reason: &str| {
        let words = ["add", key, "action=BLOCK_DROP", "--state", state];
        let warning = format!(
            "corexdp: cannot keep decisions in {state}: {reason}; a restart of the daemon loses them"
        );
        site.ask(&words).expect(0, &[&warning]);
    };
    add("192.0.2.7", "state", "is a directory");
    add(
        "192.0.2.8",
        "none/state",
        "No such file or directory (os error 2)",
    );
    add(
        "192.0.2.9",
        "/proc/self",
        "No such file or directory (os error 2)",
    );
    assert!(drops(&site, "192.0.2.7") && drops(&site, "192.0.2.9"));
    daemon.stop();
}

/// Decisions that are made before the rollback of a reload are kept, and deleted ones do not return.
#[test]
fn rolled_back_reload_keeps_later_decisions() {
    let site = blocks();
    let daemon = start(&site, "");
    let decide = |words: &[&str]| site.decide(words).expect(0, &[]);
    // With other entries the maps stay, and with another object the stage gets new maps.
    compile_with("blocks", &site.folder.file("other"), &["-DENTRIES=8"]);
    let lines = ["    entry @hosts 198.51.100.7 action=BLOCK_DROP\n", "other"];
    for (round, lines) in lines.into_iter().enumerate() {
        decide(&["add", "@hosts", "192.0.2.7", "action=BLOCK_DROP"]);
        decide(&["add", "192.0.2.8", "action=BLOCK_DROP", "for", "1h"]);
        let changed = match lines {
            "other" => corefile("").replace("blocks.o", "other/blocks.o"),
            lines => corefile(lines),
        };
        site.folder.write("Corefile", &changed);
        site.ask(&["reload", "--confirm", "2s"]).expect(0, &[]);
        assert!(drops(&site, "192.0.2.7") && drops(&site, "192.0.2.8"));
        decide(&["delete", "@hosts", "192.0.2.7"]);
        decide(&["add", "@hosts", "192.0.2.9", "action=BLOCK_DROP"]);
        daemon.nth_line(round, "not confirmed in time");
        site.ask(&["status"]).expect(0, &[]);
        assert!(!drops(&site, "192.0.2.7"), "{changed}");
        assert!(drops(&site, "192.0.2.8") && drops(&site, "192.0.2.9"));
        assert_eq!((entries(&site, "hosts"), kept(&site).len()), (1, 2));
        decide(&["delete", "@hosts", "192.0.2.9"]);
        decide(&["delete", "192.0.2.8"]);
        assert_eq!(entries(&site, "hosts"), 0);
    }
    daemon.stop();
}
