//! Limits of handshakes, and proven sources that have none.

use std::time::Instant;

use support::wait::wait_until;

use super::forged::{SYN, Segment, frame};
use super::{PROGRAMS, SERVER4, Stage};

/// The sources of a flood of handshakes.
const FLOOD: u16 = 200;

/// Sends handshakes from as many sources, each from a /24 of its own.
fn flood(stage: &Stage) {
    let sender = stage.site.sender();
    for number in 0..FLOOD {
        let [high, low] = number.to_be_bytes();
        let source = format!("198.{high}.{low}.1");
        let segment = Segment {
            port: 2000,
            sequence: 1,
            acknowledged: 0,
            flags: SYN,
        };
        sender.send(&frame(stage, &source, segment, b""), 1);
    }
}

/// Waits until the limit has dropped this many handshakes.
fn limits(stage: &Stage, least: u64) {
    wait_until(&format!("syns_limited is at least {least}"), || {
        let seen = stage.number("syns_limited");
        if seen < least { Err(seen) } else { Ok(()) }
    });
}

/// The handshakes of a proven source take no tokens.
#[test]
fn proven_source_connects_without_a_limit() {
    for program in PROGRAMS {
        for rates in [
            "syn_rate=1 syn_burst=2",
            "syn_total_rate=1 syn_total_burst=2",
        ] {
            let stage = Stage::new(program, &format!("proven_rate=1000000 {rates}"));
            let listener = stage.listen(SERVER4);
            let _connection = stage.prove(&listener, "192.0.2.1");
            let _connections = [(); 9].map(|()| stage.accepted(&listener, "192.0.2.1"));
            assert_eq!(stage.number("syns_limited"), 0, "{program}: {rates}");
            stage.stop();
        }
    }
}

#[test]
fn proven_source_connects_beside_a_flood_of_handshakes() {
    let settings = "proven_rate=1000000 syn_total_rate=1 syn_total_burst=2";
    let stage = Stage::new("dns", settings);
    let listener = stage.listen(SERVER4);
    let _connection = stage.prove(&listener, "192.0.2.1");
    flood(&stage);
    limits(&stage, u64::from(FLOOD) / 2);
    // A dropped handshake would be repeated, and counted.
    let _connections = [(); 9].map(|()| stage.accepted(&listener, "192.0.2.1"));
    let limited = stage.number("syns_limited");
    assert!(limited < u64::from(FLOOD), "{limited}");
    stage.stop();
}

#[test]
fn all_handshakes_together_have_a_rate() {
    for program in PROGRAMS {
        let stage = Stage::new(program, "syn_total_rate=1 syn_total_burst=20");
        let begin = Instant::now();
        flood(&stage);
        let least = u64::from(FLOOD) - 21 - begin.elapsed().as_secs();
        limits(&stage, least);
        let most = u64::from(FLOOD) - 20;
        assert!(stage.number("syns_limited") <= most, "{program}");
        stage.stop();
    }
}
