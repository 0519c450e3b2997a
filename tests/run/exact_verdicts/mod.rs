//! The counters of the frame beside the packets that were sent, received and counted by the driver, for each shipped
//! program and for objects of other projects. With `-- --nocapture` the tests print a table.

mod cases;

use std::fs;

use crate::foreign::{self, installed};
use crate::verdicts::{Totals, VERDICTS, corefile, driver_counter, quiet_site, totals};
use cases::{Case, add, arp, case, checks, kind, lists, xdp_filter};
use support::net::{CLIENT, Receiver, SERVER, Site};
use support::objects::compile::compile_with;
use support::packets::frame::ip4;
use support::wait::{wait_for, wait_until};

/// Packets and bytes of frames.
fn size(frames: &[Vec<u8>]) -> (u64, u64) {
    frames.iter().fold((0, 0), |sum, frame| add(sum, frame, 1))
}

/// Receives until the packets of the last kind are there: packets arrive in their order.
fn receive(receiver: &Receiver, case: &Case) -> (u64, u64) {
    let (last, times) = case.sent().last().unwrap();
    let mut frames = Vec::new();
    wait_for(
        &format!("{}: the last packets that pass", case.object),
        &times,
        || {
            frames.extend(std::iter::from_fn(|| receiver.next()));
            let found = frames.iter().filter(|frame| **frame == last.frame);
            u32::try_from(found.count()).unwrap()
        },
    );
    size(&frames)
}

/// The packets that the peer received from the program: its socket receives the packets that it sent as well.
fn receive_back(peer: &Receiver, case: &Case, packets: u64) -> (u64, u64) {
    let (sent, mut frames) = (case.all(), Vec::new());
    wait_for(
        &format!("{}: packets at the peer", case.object),
        &(sent.0 + packets),
        || {
            frames.extend(std::iter::from_fn(|| peer.next()));
            frames.len() as u64
        },
    );
    let received = size(&frames);
    (received.0 - sent.0, received.1 - sent.1)
}

/// Packets that the interface received, as the driver counts them.
fn received_packets(site: &Site) -> u64 {
    let text = site.server.run(&format!("ip -j -s link show dev {SERVER}"));
    let links: serde_json::Value = serde_json::from_str(&text).unwrap();
    links[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
}

/// Waits until the counters of the driver are those of the frame: the driver counts after a batch of packets. Only native
/// mode has counters by verdict.
fn compare_with_driver(site: &Site, case: &Case, mode: &str, totals: &Totals, before: u64) {
    let sum = case.all().0;
    let place = |counter: &str| format!("{}, {mode}: {counter}", case.object);
    wait_for(&place("packets"), &(before + sum), || {
        received_packets(site)
    });
    if mode == "native" {
        let dropped = totals["drop"].0 + totals["aborted"].0;
        for (counter, expected) in [
            ("xdp_packets", sum),
            ("xdp_drops", dropped),
            ("xdp_tx", totals["tx"].0),
        ] {
            wait_for(&place(counter), &expected, || driver_counter(site, counter));
        }
    }
}

fn print(case: &Case, mode: &str, expected: &Totals, counted: &Totals) {
    for verdict in VERDICTS.iter().filter(|verdict| expected[*verdict].0 > 0) {
        let ((sent, bytes), (packets, counted)) = (expected[verdict], counted[verdict]);
        println!(
            "{:<20} {mode:<8} {verdict:<9} sent {sent:>3} packets {bytes:>5} bytes, counted {packets:>3} packets {counted:>5} bytes",
            case.object
        );
    }
}

/// Runs the program, sends the packets, and compares all counters. `install` puts the object into the folder.
fn counts_exactly(case: &Case, mode: &str, install: impl Fn(&Site)) {
    let site = quiet_site();
    site.folder.fixture("foreign");
    // A veth in native mode sends only to a peer with a program in native mode.
    let pass = site.folder.file("foreign.o");
    site.client.run(&format!(
        "ip link set {CLIENT} xdpdrv object {} section xdp",
        pass.display()
    ));
    install(&site);
    let text = corefile(&case.object, &format!("mode {mode}\n{}", case.lines));
    let daemon = site.run(&text).attached(1);
    let (sender, receiver) = (site.sender(), site.receiver());
    let peer = Receiver::new(&site.client, CLIENT);
    let before = received_packets(&site);
    for (kind, times) in case.sent() {
        sender.send(&kind.frame, times);
    }
    let counted = wait_until(&format!("{} has counted all", case.object), || {
        let totals = totals(&site, &case.object);
        let sum: u64 = totals.values().map(|(packets, _)| packets).sum();
        if sum == case.all().0 {
            Ok(totals)
        } else {
            Err(totals)
        }
    });
    let passed = receive(&receiver, case);
    let sent_back = receive_back(&peer, case, counted["tx"].0);
    let expected = case.expected(passed, sent_back);
    print(case, mode, &expected, &counted);
    assert_eq!(counted, expected, "{}, {mode}", case.object);
    assert_eq!(counted["pass"], passed, "{}, {mode}", case.object);
    compare_with_driver(&site, case, mode, &counted, before);
    daemon.stop();
}

const MODES: [&str; 2] = ["native", "generic"];

#[test]
fn verdicts_of_each_shipped_program_are_exact() {
    let cases: Vec<Case> = lists().into_iter().chain(checks()).collect();
    let mut names: Vec<_> = cases.iter().map(|case| case.object.clone()).collect();
    names.sort();
    assert_eq!(names, support::shipped_programs());
    for case in &cases {
        for mode in MODES {
            counts_exactly(case, mode, |site| site.folder.shipped(&case.object));
        }
    }
}

#[test]
fn each_verdict_is_exact() {
    let from = |last: u8| ip4(&format!("10.11.0.{last}")).udp(53);
    let kinds = vec![
        kind(from(0), "aborted"),
        kind(from(1), "drop"),
        kind(from(3), "tx"),
        kind(from(4), "redirect"),
        kind(from(5), "aborted"),
        kind(from(255), "aborted"),
        kind(from(2), "pass"),
    ];
    let case = case("verdicts", &[], kinds);
    for mode in MODES {
        counts_exactly(&case, mode, |site| {
            compile_with("verdicts", site.folder.path(), &[]);
        });
    }
}

/// Copies an object of xdp-tools.
fn install(site: &Site, object: &str) {
    let file = site.folder.file(&format!("{object}.o"));
    fs::copy(installed(object), file).unwrap();
}

#[test]
fn verdicts_of_xdp_filter_are_exact() {
    for (name, trials) in foreign::FILTERS {
        for policy in ["alw", "dny"] {
            let case = xdp_filter(policy, name, trials);
            for mode in MODES {
                counts_exactly(&case, mode, |site| install(site, &case.object));
            }
        }
    }
}

/// The other programs of xdp-tools pass every packet while nobody uses them.
#[test]
fn verdicts_of_other_programs_of_xdp_tools_are_exact() {
    for (object, function) in [
        ("xdp-dispatcher", "xdp_dispatcher"),
        ("xdp-dispatcher", "xdp_pass"),
        ("xdpdump_xdp", "xdpdump"),
        ("xsk_def_xdp_prog", "xsk_def_prog"),
        ("xsk_def_xdp_prog_5.3", "xsk_def_prog"),
    ] {
        let kinds = vec![kind(ip4("192.0.2.1").udp(53), "pass"), kind(arp(), "pass")];
        let case = case(object, &[&format!("prog {function}")], kinds);
        for mode in MODES {
            counts_exactly(&case, mode, |site| install(site, object));
        }
    }
}
