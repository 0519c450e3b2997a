//! tshark reads the interfaces, verdicts and comments of a capture.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use super::{Running, capture, send_until, send_until_ended, start};
use support::net::finish;

/// The fields of a pcapng file or stream that tshark shows.
fn tshark(source: &Path) -> Command {
    let mut command = Command::new("tshark");
    command.args(["-n", "-l", "-r"]).arg(source);
    command.args(["-T", "fields", "-E", "separator=|", "-E", "occurrence=f"]);
    for field in [
        "frame.interface_name",
        "frame.verdict.ebpf_xdp",
        "frame.comment",
        "frame.len",
        "frame.cap_len",
        "dns.qry.name",
    ] {
        command.args(["-e", field]);
    }
    command
}

/// The packets of [`send_until`] in the fields of [`tshark`].
const FIELDS: [&str; 5] = [
    "edge0|1|edge0/acl, 1 of 1 packet|71|71|wWw.Example",
    "edge0|2|edge0/qname, 1 of 1 packet|74|74|",
    "edge1|3|edge1/dns, 1 of 1 packet|71|71|any.example",
    "tun0|1|tun0/qname, 1 of 1 packet|57|57|bad.example",
    "edge0|1|edge0/qname, 1 of 1 packet|73|73|worse.example",
];

#[test]
fn tshark_reads_interfaces_verdicts_and_comments_of_a_file() {
    let (site, daemon) = start();
    let file = site.folder.file("packets.pcapng");
    // An earlier capture is replaced.
    fs::write(&file, vec![0; 100_000]).unwrap();
    let running = capture(&site, &["-w", "packets.pcapng", "-c", "20"]).lines();
    send_until_ended(&site, running).ended(0, "20 packets, 0 lost");
    let outcome = finish(&mut tshark(&file));
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert_eq!((outcome.code, lines.len()), (Some(0), 20), "{outcome:#?}");
    for fields in FIELDS {
        assert!(lines.contains(&fields), "{fields}: {lines:#?}");
    }
    for line in &lines {
        assert!(FIELDS.contains(line), "{line}");
    }
    // The statistics at the end, and the name of the writer.
    let outcome = finish(Command::new("capinfos").arg(&file));
    for part in ["corexdp", "edge0", "edge1", "tun0", "nanoseconds"] {
        assert!(outcome.stdout.contains(part), "{part}: {outcome:#?}");
    }
    daemon.stop();
}

#[test]
fn tshark_shows_packets_while_they_are_captured() {
    let (site, daemon) = start();
    let mut running = capture(&site, &["-w", "-"]);
    let stream = running.child.stdout.take().unwrap();
    let mut command = tshark(Path::new("-"));
    let shown = Running::spawn(command.stdin(stream)).lines();
    send_until(&site, || FIELDS.iter().all(|line| shown.out.have(line)));
    running.signal(Signal::SIGTERM);
    running.ended(0, " packets, 0 lost, sampled 1 in about 1");
    shown.ended(0, "");
    daemon.stop();
}
