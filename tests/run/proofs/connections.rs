//! Connections that prove their source.

use std::io::Write as _;
use std::net::UdpSocket;
use std::time::Instant;

use support::net::pause;
use support::packets::message::query;
use support::wait::{PATIENCE, wait_until};

use super::{Over, PROGRAMS, Passed, SERVER4, SERVER6, Stage};

/// Listeners, the address of a client, one that its proof includes, and one that it does not.
const CLIENTS: [[&str; 4]; 3] = [
    [SERVER4, "192.0.2.1", "192.0.2.1", "192.0.2.2"],
    // The listener's socket has the address ::ffff:192.0.2.53.
    ["::", "192.0.2.1", "192.0.2.1", "192.0.2.2"],
    // A source of IPv6 is its /64.
    [SERVER6, "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"],
];

#[test]
fn first_segment_of_a_connection_proves_its_source() {
    for program in PROGRAMS {
        // The other programs include the same header.
        let count = if program == "dns" { 3 } else { 1 };
        for client in &CLIENTS[..count] {
            let stage = Stage::new(program, "proven_rate=1000000");
            check(&stage, *client);
            stage.stop();
        }
    }
}

/// The rate of names below a zone is for sources that are not proven.
#[test]
fn proven_source_asks_for_names_below_a_zone() {
    let stage = Stage::new("qname", "");
    let listener = stage.listen(SERVER4);
    assert_eq!(stage.ask("192.0.2.1"), Over);
    let _connection = stage.prove(&listener, "192.0.2.1");
    for _ in 0..5 {
        assert_eq!(stage.ask("192.0.2.1"), Passed);
    }
    assert_eq!(stage.ask("192.0.2.2"), Over);
    stage.stop();
}

/// The server makes no socket until the handshake ends.
#[test]
fn connection_by_a_syn_cookie_proves_its_source() {
    for client in CLIENTS {
        let stage = Stage::new("dns", "proven_rate=1000000");
        stage
            .site
            .server
            .run("sysctl -qw net.ipv4.tcp_syncookies=2");
        check(&stage, client);
        stage.stop();
    }
}

fn check(stage: &Stage, [listening, source, neighbour, stranger]: [&str; 4]) {
    let listener = stage.listen(listening);
    assert_eq!(stage.ask(source), Over, "before a connection");
    let [mut client, _server] = stage.accepted(&listener, source);
    assert_eq!(stage.number("proofs"), 0, "after the handshake");
    assert_eq!(stage.ask(source), Over, "after the handshake");
    client.write_all(b"x").unwrap();
    stage.becomes("proofs", 1);
    assert_eq!(stage.number("proven"), 0);
    for proven in 1..=5 {
        assert_eq!(stage.ask(source), Passed);
        stage.becomes("proven", proven);
    }
    assert_eq!(stage.ask(neighbour), Passed);
    assert_eq!(stage.ask(stranger), Over);
    // A proven source needs no second proof.
    stage.write(&mut client, 5);
    drop(client);
    assert_eq!(stage.ask(source), Passed, "after the connection");
    assert_eq!(stage.number("proofs"), 1);
    assert_eq!(stage.number("lookups_limited"), 0);
}

/// A real client: a truncated response over UDP, a connection, and a response over UDP.
#[test]
fn client_of_a_truncated_response_proves_itself() {
    for program in ["dns", "guard"] {
        let stage = Stage::new(program, "proven_rate=1000000");
        let listener = stage.listen(SERVER4);
        let client = stage
            .site
            .client
            .enter(|| UdpSocket::bind("192.0.2.1:0").unwrap());
        client.connect((SERVER4, 53)).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let message = query("www.example", 1).bytes;
        client.send(&message).unwrap();
        let mut response = [0; 512];
        let length = client.recv(&mut response).unwrap();
        // QR, TC and RD.
        assert_eq!((length, response[2]), (message.len(), 0x83), "{program}");
        let _connection = stage.prove(&listener, "192.0.2.1");
        client.send(&message).unwrap();
        wait_until("the query arrives", || stage.udp.recv(&mut response).ok());
        stage.stop();
    }
}

#[test]
fn proof_ends_and_is_renewed() {
    for program in PROGRAMS {
        let stage = Stage::new(program, "proven_rate=1000000 proof=1");
        let listener = stage.listen(SERVER4);
        let [mut client, _server] = stage.prove(&listener, "192.0.2.1");
        wait_until("the proof has ended", || {
            (stage.ask("192.0.2.1") == Over).then_some(())
        });
        assert_eq!(stage.number("proofs"), 1, "{program}");
        client.write_all(b"x").unwrap();
        stage.becomes("proofs", 2);
        wait_until("the proof has ended again", || {
            (stage.ask("192.0.2.1") == Over).then_some(())
        });
        stage.stop();
    }
}

/// A live connection renews the proof in the second half of its time, so that its source stays proven.
#[test]
fn proof_of_a_live_connection_does_not_end() {
    let stage = Stage::new("dns", "proven_rate=1000000 proof=10");
    let listener = stage.listen(SERVER4);
    let begin = Instant::now();
    let [mut client, _server] = stage.prove(&listener, "192.0.2.1");
    wait_until("the proof is renewed", || {
        client.write_all(b"x").unwrap();
        (stage.number("proofs") > 1).then_some(())
    });
    let renewed = begin.elapsed().as_secs_f64();
    assert!(renewed > 4.0, "renewed after {renewed} s");
    assert_eq!(stage.ask("192.0.2.1"), Passed);
    stage.stop();
}

/// In ticks of `bpf/clock.h`, these seconds overflow 64 bits by half a second.
#[test]
fn longest_proof_does_not_end() {
    let stage = Stage::new("dns", "proven_rate=1000000 proof=1152921505");
    let listener = stage.listen(SERVER4);
    let _connection = stage.prove(&listener, "192.0.2.1");
    pause(1000);
    assert_eq!(stage.ask("192.0.2.1"), Passed);
    stage.stop();
}

#[test]
fn proven_sources_have_a_rate() {
    for program in PROGRAMS {
        let stage = Stage::new(program, "proven_rate=1 proven_burst=3");
        let listener = stage.listen(SERVER4);
        let _connections = ["192.0.2.1", "192.0.2.2"].map(|source| {
            let connection = stage.prove(&listener, source);
            let begin = Instant::now();
            let fates: Vec<_> = (0..8).map(|_| stage.ask(source)).collect();
            let passed = fates.iter().filter(|fate| **fate == Passed).count();
            let most = 4 + usize::try_from(begin.elapsed().as_secs()).unwrap();
            assert!((3..=most).contains(&passed), "{program}: {fates:?}");
            assert_eq!(fates[..3], [Passed; 3], "{program}");
            connection
        });
        stage.stop();
    }
}

/// The lookup for a segment of a proven source would exceed `lookup_rate`.
#[test]
fn segments_of_a_proven_source_cost_no_lookup() {
    let stage = Stage::new("dns", "proven_rate=1000000 lookup_rate=1");
    let listener = stage.listen(SERVER4);
    let [mut client, _server] = stage.accepted(&listener, "192.0.2.1");
    // The lookup for the handshake took the first token.
    wait_until("the source is proven", || {
        client.write_all(b"x").unwrap();
        (stage.number("proofs") > 0).then_some(())
    });
    let limited = stage.number("lookups_limited");
    stage.write(&mut client, 50);
    assert_eq!(stage.number("lookups_limited"), limited);
    assert_eq!(stage.number("proofs"), 1);
    stage.stop();
}

#[test]
fn monitor_counts_proofs_but_drops_nothing() {
    for program in PROGRAMS {
        let stage = Stage::new(program, "proven_rate=1000000 syn_rate=1 monitor=true");
        let listener = stage.listen(SERVER4);
        for source in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
            let over = stage.number(stage.over);
            stage.send_query(source);
            wait_until("the query arrives", || stage.has_query().then_some(()));
            stage.becomes(stage.over, over + 1);
            let _connection = stage.prove(&listener, source);
        }
        // Each of the three connections is the first of a source in one /24.
        assert_ne!(stage.number("syns_limited"), 0, "{program}");
        stage.stop();
    }
}
