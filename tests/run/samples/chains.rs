//! Samples of a chain: a packet is sampled once, by the stage that ends it.

use std::collections::BTreeMap;

use corexdp::object::frame::sample::{ALL_VERDICTS, verdict_bits};

use super::{Sample, UNLIMITED, everything, is_program_off, open, read, read_packets, request};
use crate::chains::{Stage, corefile, programs, send, site, start};
use support::net::{Attached, Site};
use support::wait::wait_until;

const CHAIN: &[Stage] = &[("a", 1), ("b", 2), ("c", 3)];

/// Packets by program and verdict.
fn by_stage(seen: &[Sample]) -> BTreeMap<(&str, &str), u64> {
    let mut packets = BTreeMap::new();
    for sample in seen {
        let stage = (sample.stage.program.as_str(), sample.verdict);
        *packets.entry(stage).or_default() += sample.weight;
    }
    packets
}

/// True if no stage of `edge0` samples.
fn are_off(site: &Site) -> bool {
    programs(site).into_iter().all(|id| {
        is_program_off(&Attached {
            id,
            ..site.filter()
        })
    })
}

#[test]
fn packet_is_sampled_by_the_stage_that_ends_it() {
    let site = site(&["a", "b", "c"]);
    let daemon = start(&site, CHAIN);
    let mut samples = everything(&site);
    let stages = samples.stages().iter();
    let stages: Vec<_> = stages
        .map(|stage| (stage.number, stage.program.clone()))
        .collect();
    assert_eq!(stages, [(0, "a".into()), (1, "b".into()), (2, "c".into())]);
    for last in 1..=4 {
        send(&site, last, last.into());
    }
    let expected = [
        (("a", "drop"), 1),
        (("b", "drop"), 2),
        (("c", "drop"), 3),
        (("c", "pass"), 4),
    ];
    let seen = read_packets(&mut samples, 10);
    assert_eq!(by_stage(&seen), expected.into());
    drop(samples);
    // A stage that passes packets on samples none of them.
    let pass = request(verdict_bits("pass").unwrap(), 1, UNLIMITED);
    let mut samples = open(&site, &pass);
    for last in 1..=4 {
        send(&site, last, last.into());
    }
    let seen = read_packets(&mut samples, 4);
    assert_eq!(by_stage(&seen), [(("c", "pass"), 4)].into());
    assert!(!are_off(&site));
    drop(samples);
    wait_until("samples are off", || are_off(&site).then_some(()));
    daemon.stop();
}

#[test]
fn session_follows_the_stages_of_a_reload() {
    let site = site(&["a", "b", "c"]);
    let daemon = start(&site, CHAIN);
    let mut samples = everything(&site);
    for chain in [&[("c", 3), ("a", 1)][..], &[("b", 2)], CHAIN] {
        site.folder.write("Corefile", &corefile(chain, ""));
        site.ask(&["reload"]).expect(0, &[]);
        // Asks for another session.
        read(&mut samples, &mut Vec::new()).unwrap();
        let stages = samples.stages().iter();
        let stages: Vec<_> = stages.map(|stage| stage.program.as_str()).collect();
        let expected: Vec<_> = chain.iter().map(|(name, _)| *name).collect();
        assert_eq!(stages, expected);
        let &(last, source) = chain.last().unwrap();
        send(&site, source, 1);
        send(&site, 4, 1);
        let seen = read_packets(&mut samples, 2);
        let expected = [((last, "drop"), 1), ((last, "pass"), 1)];
        assert_eq!(by_stage(&seen), expected.into());
    }
    daemon.stop();
}

#[test]
fn adopting_daemon_switches_off_all_stages() {
    let site = site(&["a", "b", "c"]);
    let text = corefile(CHAIN, "exit hold");
    let daemon = site.run(&text).attached(1);
    let samples = open(&site, &request(ALL_VERDICTS, 10, 100));
    let before = programs(&site);
    daemon.kill();
    let daemon = site.start(&[]).attached(1);
    daemon.line("adopted");
    assert_eq!(programs(&site), before);
    assert!(are_off(&site));
    drop(samples);
    site.folder.write("Corefile", ". {\n}\n");
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}
