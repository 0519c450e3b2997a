//! The Corefiles in `tests/corefiles/examples`: each is checked and run on the interfaces that it names, and must pass,
//! drop and count packets as documented.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod cases;
mod place;

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use cases::{CASES, Case, LIMITED};
use place::{Place, folder};
use support::net::{Receiver, Sender};
use support::wait::wait_for;

/// Names of the Corefiles in the folder, without their suffix.
fn names() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap();
    let names = files.filter_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".Corefile").map(str::to_owned)
    });
    names.collect()
}

/// Runs one example.
fn try_out(case: &Case) {
    let place = Place::of(case);
    place.check(case);
    let daemon = place.run(case);
    let mut arrived = Vec::new();
    for interface in case.interfaces {
        let sender = Sender::new(&place.site.client, &place::far_end(interface));
        let receiver = Receiver::new(&place.site.server, interface);
        for shot in case.shots.iter().filter(|shot| shot.at == *interface) {
            sender.send(&place::frame(shot.from), shot.times);
        }
        let shots = case.shots.iter().filter(|shot| shot.at == *interface);
        arrived.push((receiver, shots));
    }
    for (receiver, shots) in arrived {
        place::expect_arrivals(case.name, &receiver, &shots.collect::<Vec<_>>());
    }
    place.expect_metrics(case);
    for (address, path) in case.answers {
        assert_eq!(place.get(address, path).status, 200, "{address}{path}");
    }
    for line in case.logs {
        daemon.line(line);
    }
    daemon.stop();
}

#[test]
fn each_example_has_a_case_and_a_comment() {
    let tried = CASES.iter().chain([&LIMITED]);
    let tried: BTreeSet<String> = tried.map(|case| case.name.to_owned()).collect();
    assert_eq!(names(), tried);
    for name in tried {
        let text = fs::read_to_string(folder().join(format!("{name}.Corefile"))).unwrap();
        let comment = text.lines().take_while(|line| line.starts_with('#'));
        assert!(
            comment.count() >= 3,
            "{name} begins with a comment about its purpose"
        );
        let long: Vec<&str> = text.lines().filter(|line| line.len() > 180).collect();
        assert!(long.is_empty(), "{name}: {long:?}");
    }
}

#[test]
fn examples_filter_and_count_as_documented() {
    // Two at a time, since they mostly wait.
    let (some, others) = CASES.split_at(CASES.len() / 2);
    std::thread::scope(|scope| {
        for half in [some, others] {
            scope.spawn(|| half.iter().for_each(try_out));
        }
    });
}

/// The number of passed packets depends on the duration of sending: the burst, and the tokens gained meanwhile.
#[test]
fn packets_over_the_limit_are_dropped_and_counted() {
    const SENT: u32 = 300;
    // Limits of the Corefile, in packets and packets per second.
    const BURST: u64 = 50;
    const RATE: u64 = 50;
    let place = Place::of(&LIMITED);
    place.check(&LIMITED);
    let daemon = place.run(&LIMITED);
    let receiver = Receiver::new(&place.site.server, "eth0");
    let sender = Sender::new(&place.site.client, &place::far_end("eth0"));
    let frame = place::frame("203.0.113.5");
    let started = Instant::now();
    sender.send(&frame, SENT);
    let read = |name| place.metric(&LIMITED, name);
    wait_for("the number of counted packets", &u64::from(SENT), || {
        read("limit_passed") + read("limit_dropped")
    });
    let passed = read("limit_passed");
    // The burst, and the tokens that the bucket gains meanwhile.
    let most = BURST + RATE * (started.elapsed().as_secs() + 1);
    assert!((BURST..=most).contains(&passed), "{passed} of {most}");
    let mut arrived = 0;
    wait_for("the number of packets that arrived", &passed, || {
        let frames = std::iter::from_fn(|| receiver.next());
        arrived += frames.filter(|seen| *seen == frame).count() as u64;
        arrived
    });
    daemon.stop();
}
