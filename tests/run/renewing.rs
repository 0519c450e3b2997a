//! The directive `reload`: changed files take effect without a request.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::packet;
use support::net::{Daemon, Site};

/// The daemon polls at least once in this time: every 2.5 seconds at most, and a moment for the reload.
const LOOK: Duration = Duration::from_secs(3);
const DONE: &str = "reload: done";

/// A Corefile that drops and counts packets from `network`/16, and polls every 1.5 to 2.5 seconds.
fn corefile(network: &str) -> String {
    format!(
        ". {{\nprometheus\nreload 2s 1s\nimport more/*.conf\nebpf {{\nif edge0\nelf example.o\n\
         map {network}.FFFF0000.00000000\nmetric dropped 00000000 8 4 \"Dropped.\"\n}}\n}}\n"
    )
}

fn start() -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(&corefile("0A0B0000")).attached(1);
    (site, daemon)
}

/// Longest time to a reload on a busy machine: shorter than the default period, which is at least 22.5 seconds.
const LATEST: Duration = Duration::from_secs(20);

/// Waits for the line number `number` that contains `line`, counted from 1.
fn comes(daemon: &Daemon, number: usize, line: &str) {
    let begin = Instant::now();
    daemon.nth_line(number - 1, line);
    assert!(begin.elapsed() < LATEST, "{line}: {:?}", begin.elapsed());
}

#[test]
fn changed_corefile_import_and_object_take_effect() {
    let (site, daemon) = start();
    site.folder.write("Corefile", &corefile("0A0C0000"));
    comes(&daemon, 1, DONE);
    site.sender().send(&packet("10.12.0.1"), 2);
    site.metric_becomes("coredns_ebpf_dropped", 2);
    // The pattern of `import` matches the new file.
    site.folder.write("more/debug.conf", "debug\n");
    comes(&daemon, 2, DONE);
    site.sender().send(&packet("10.12.0.1"), 1);
    daemon.line("map xdp_map: key=00000000");
    let before = site.filter();
    site.add_other_object();
    fs::rename(
        site.folder.file("other/example.o"),
        site.folder.file("example.o"),
    )
    .unwrap();
    comes(&daemon, 3, DONE);
    assert_ne!(site.filter().id, before.id);
    // Without the directive the daemon stops polling.
    let still = corefile("0A0C0000").replace("reload 2s 1s\n", "");
    site.folder.write("Corefile", &still);
    comes(&daemon, 4, DONE);
    site.folder.write("Corefile", &corefile("0A0D0000"));
    sleep(LOOK);
    assert_eq!(daemon.lines_with(DONE).len(), 4);
    daemon.stop();
}

#[test]
fn polls_ignore_unchanged_content_and_try_refused_content_once() {
    let (site, daemon) = start();
    site.folder.write("Corefile", &corefile("0A0B0000"));
    sleep(LOOK);
    assert_eq!(daemon.lines_with("reload: ").len(), 0);
    site.folder.write("Corefile", &corefile("nonsense"));
    comes(&daemon, 1, "reload: nothing was changed");
    sleep(LOOK);
    assert_eq!(daemon.lines_with("reload: nothing was changed").len(), 1);
    // The Corefile stays the same, but a file that it imports changes.
    let imports = corefile("0A0C0000").replace("more/*.conf", "more/one.conf");
    site.folder.write("Corefile", &imports);
    comes(&daemon, 2, "reload: nothing was changed");
    site.folder.write("more/one.conf", "debug\n");
    comes(&daemon, 1, DONE);
    daemon.stop();
}
