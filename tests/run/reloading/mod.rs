//! Reloads of the Corefile while the filter runs: a reload takes effect completely or not at all, and no packet passes
//! unfiltered.

mod interfaces;

use nix::sys::signal::Signal;

use crate::packet;
use support::net::{CLIENT, Daemon, GENERIC, NATIVE, Response, Site};

/// The last log line of a refused reload.
const REFUSED: &str = "reload: nothing was changed";

/// A Corefile with one filter on `edge0` that drops and counts packets from 10.11.0.0/16, and the line `more`.
fn corefile(more: &str) -> String {
    format!(
        ". {{
  prometheus
  ebpf {{
    if edge0
    elf example.o
    map 0A0B0000.FFFF0000.00000000
    metric dropped 00000000 8 4 \"Dropped.\"
    {more}
  }}
}}
"
    )
}

/// The Corefile with another object.
fn other(corefile: &str) -> String {
    corefile.replace("example.o", "other/example.o")
}

/// A Corefile with a filter on each of two interfaces; only on `first` if `second` is empty.
fn two(first: &str, second: &str) -> String {
    let block = |name: &str| {
        format!("ebpf {{\nif {name}\nelf example.o\nmap 0A0B0000.FFFF0000.00000000\n}}\n")
    };
    format!(
        ". {{\nprometheus\n{}{}}}\n",
        block(first),
        if second.is_empty() {
            String::new()
        } else {
            block(second)
        }
    )
}

/// Writes the Corefile and requests a reload.
fn reload(site: &Site, daemon: &Daemon, corefile: &str) {
    site.folder.write("Corefile", corefile);
    daemon.signal(Signal::SIGHUP);
}

/// Writes the Corefile, requests a reload, and waits until the reload is done.
fn reload_and_wait(site: &Site, daemon: &Daemon, corefile: &str) {
    let before = daemon.lines_with("reload: done").len();
    reload(site, daemon, corefile);
    daemon.nth_line(before, "reload: done");
}

/// Reloads a Corefile that must be refused with a line that contains all of `parts`.
fn refuses(site: &Site, daemon: &Daemon, corefile: &str, parts: &[&str]) {
    let before = daemon.lines_with("reload: ").len();
    let refused = daemon.lines_with(REFUSED).len();
    reload(site, daemon, corefile);
    let (_, line) = daemon.nth_line(before, "reload: ");
    for part in parts {
        assert!(line.contains(part), "{part:?} in {line:?}");
    }
    daemon.nth_line(refused, REFUSED);
}

#[test]
fn reload_applies_the_new_corefile() {
    let site = Site::new();
    let daemon = site.run(&corefile("")).attached(1);
    let first = site.filter();
    let sender = site.sender();
    for (signal, source) in [(Signal::SIGHUP, 12), (Signal::SIGUSR1, 13)] {
        let more = format!("map 0A{source:02X}0000.FFFF0000.00000000\n")
            + "metric too 01000000 8 4 \"Too.\"";
        site.folder.write("Corefile", &corefile(&more));
        daemon.signal(signal);
        let reloads = source - 11;
        site.metric_becomes("corexdp_reloads_total{result=\"success\"}", reloads);
        sender.send(&packet(&format!("10.{source}.0.1")), 3);
        site.metric_becomes("coredns_ebpf_too", 3);
        // The reload changes the entries of the existing map.
        assert_eq!(site.filter(), first);
    }
    site.metric_becomes("corexdp_reloads_total{result=\"failure\"}", 0);
    daemon.stop();
    assert_eq!(site.attached(), None);
}

#[test]
fn refused_reload_changes_nothing() {
    let site = Site::new();
    let daemon = site.run(&corefile("")).attached(1);
    let filter = site.filter();
    site.sender().send(&packet("10.11.0.1"), 2);
    site.metric_becomes("coredns_ebpf_dropped", 2);
    for (corefile, parts) in [
        (
            corefile("metric x 00000000 9 4 \"Past the end.\""),
            &["Corefile:8: metric: "][..],
        ),
        (two("edge0", "edge1"), &["Corefile:9: if: ", "edge1"]),
        (". {\nebpf {\n".to_owned(), &["Corefile:"]),
        (
            corefile("").replace("example.o", "none.o"),
            &["Corefile:5: elf: ", "none.o"],
        ),
    ] {
        refuses(&site, &daemon, &corefile, parts);
        assert_eq!(site.filter(), filter);
        site.metric_becomes("coredns_ebpf_dropped", 2);
    }
    site.metric_becomes("corexdp_reloads_total{result=\"failure\"}", 4);
    daemon.stop();
}

/// The kernel replaces the program atomically.
#[test]
fn reload_replaces_the_object() {
    let site = Site::new();
    site.add_other_object();
    let daemon = site.run(&corefile("")).attached(1);
    let first = site.filter();
    site.sender().send(&packet("10.11.0.1"), 2);
    site.metric_becomes("coredns_ebpf_dropped", 2);
    reload_and_wait(&site, &daemon, &other(&corefile("")));
    assert_ne!(site.filter().id, first.id);
    assert_eq!(site.filter().mode, NATIVE);
    site.sender().send(&packet("10.11.0.1"), 1);
    site.metric_becomes("coredns_ebpf_dropped", 1);
    daemon.stop();
}

/// The program, its map and the counters stay the same.
#[test]
fn reload_keeps_unchanged_filters() {
    let site = Site::new();
    let daemon = site.run(&corefile("")).attached(1);
    let filter = site.filter();
    let sender = site.sender();
    for (round, more) in ["", "metric too 00000000 8 4 \"Too.\"", "wait 1s", ""]
        .into_iter()
        .enumerate()
    {
        sender.send(&packet("10.11.0.1"), 2);
        site.metric_becomes("coredns_ebpf_dropped", 2 * (round as u64 + 1));
        reload_and_wait(&site, &daemon, &corefile(more));
        assert_eq!(site.filter(), filter);
    }
    site.metric_becomes("coredns_ebpf_dropped", 8);
    daemon.stop();
}

/// With `debug`, each change is logged exactly once.
#[test]
fn changes_are_logged_across_reloads() {
    let site = Site::new();
    let debug = |text: String| text.replace("prometheus", "debug");
    let daemon = site.run(&corefile("")).attached(1);
    for round in 1..=3 {
        reload_and_wait(&site, &daemon, &debug(corefile("")));
        site.sender().send(&packet("10.11.0.1"), 1);
        daemon.line(&format!(
            "key=00000000 value=0A0B0000FFFF00000{round}000000"
        ));
    }
    reload_and_wait(&site, &daemon, &corefile(""));
    site.sender().send(&packet("10.11.0.1"), 1);
    site.metric_becomes("coredns_ebpf_dropped", 4);
    let lines = daemon.stop();
    let changes = lines.iter().filter(|line| line.contains("key="));
    assert_eq!(changes.count(), 3, "{lines:#?}");
}

#[test]
fn reload_changes_the_mode() {
    let site = Site::new();
    let daemon = site.run(&corefile("")).attached(1);
    for (option, mode) in [
        ("mode generic", GENERIC),
        ("mode auto", NATIVE),
        ("mode generic", GENERIC),
        ("mode native", NATIVE),
        ("mode auto", NATIVE),
    ] {
        reload_and_wait(&site, &daemon, &corefile(option));
        assert_eq!(site.filter().mode, mode, "{option}");
    }
    // If the driver refuses native mode, the generic program stays.
    reload_and_wait(&site, &daemon, &corefile("mode generic"));
    site.client.run(&format!("ip link set {CLIENT} mtu 9000"));
    let before = site.filter();
    let parts = ["edge0", "native", "Peer MTU"];
    refuses(&site, &daemon, &corefile("mode native"), &parts);
    assert_eq!(site.filter(), before);
    daemon.stop();
}

#[test]
fn reload_moves_the_page() {
    let site = Site::new();
    let daemon = site.run(&corefile("")).attached(1);
    let ask = |port: u16| {
        let address = format!("127.0.0.1:{port}");
        Response::to(&site.server, &address, "GET /metrics HTTP/1.1").status
    };
    assert_eq!(ask(9153), 200);
    let second = ":1053 {\nprometheus localhost:9154\n}\n";
    reload_and_wait(&site, &daemon, &(corefile("") + second));
    assert_eq!((ask(9153), ask(9154)), (200, 200));
    reload_and_wait(
        &site,
        &daemon,
        &corefile("").replace("prometheus", "prometheus localhost:9154"),
    );
    assert_eq!(ask(9154), 200);
    reload_and_wait(&site, &daemon, &corefile("").replace("  prometheus\n", ""));
    daemon.stop();
}

#[test]
fn standard_input_is_not_read_twice() {
    let site = Site::new();
    site.folder.write("Corefile", &corefile(""));
    let corexdp = site.command("run", &[]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "exec \"$0\" run -conf stdin --log stderr <Corefile"]);
    command.arg(corexdp.get_program());
    command.current_dir(site.folder.path());
    let daemon = site
        .server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1);
    refuses(&site, &daemon, &corefile(""), &["standard input"]);
    daemon.stop();
}

/// Kernels before 5.9 have no XDP links; netlink replaces a program atomically too.
#[cfg(feature = "faults")]
#[test]
fn reload_replaces_the_program_over_netlink_without_links() {
    let site = Site::new();
    site.folder.write("Corefile", &corefile(""));
    let mut command = site.command("run", &[]);
    command.env("COREXDP_FAULT", "link_create:EINVAL");
    let daemon = site
        .server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1);
    let before = site.filter();
    site.add_other_object();
    reload_and_wait(&site, &daemon, &other(&corefile("")));
    assert_ne!(site.filter().id, before.id);
    daemon.stop();
    assert_eq!(site.attached(), None);
}
