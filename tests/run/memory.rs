//! A box with little memory: the filter survives any Corefile.

use std::fmt::Write as _;

use crate::packet;
use support::net::{Daemon, MemoryGroup, Site};

const LIMIT: u64 = 32 << 20;

fn corefile(lines: &str) -> String {
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    elf example.o\n    if edge0\n    map 0A0B0000.FFFF0000.00000000\n    metric dropped 00000000 8 4 \"Dropped.\"\n{lines}  }}\n}}\n"
    )
}

/// A Corefile in which each line of a long list is wrong, as after the struct of the object has grown. 4 MB is the
/// maximum size of a Corefile.
fn wrong_lines() -> String {
    let mut lines = String::new();
    for _ in 0..450_000 {
        let _ = writeln!(lines, "map 0200");
    }
    lines
}

#[test]
fn wrong_corefile_of_4_mb_leaves_the_filter_in_32_mib() {
    let group = MemoryGroup::new(LIMIT);
    let site = Site::new();
    site.folder.write("Corefile", &corefile(""));
    let mut command = group.command(&site.command("run", &[]));
    let daemon = site.server.enter(|| Daemon::spawn(&mut command));
    let daemon = daemon.attached(1);
    let sender = site.sender();
    let dropped = |count| {
        sender.send(&packet("10.11.0.1"), 1);
        site.metric_becomes("coredns_ebpf_dropped", count);
    };
    dropped(1);

    site.folder.write("Corefile", &corefile(&wrong_lines()));
    let refused = site.ask(&["reload"]);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert_eq!(refused.lines().len(), 21, "20 errors and their total");
    dropped(2);

    site.folder
        .write("Corefile", &corefile("    mode native\n"));
    site.ask(&["reload"]).expect(0, &[]);
    dropped(3);
    assert_eq!(group.killed(), 0);
    daemon.stop();
}
