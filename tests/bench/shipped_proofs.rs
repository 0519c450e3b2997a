//! Queries for shipped programs that verify cookies and look up proofs, beside the same programs that do not.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::programs::{Bench, Case, Peer};
use super::runs::Packets;
use super::shipped::NEVER;
use super::shipped_dns::asks;
use super::table::{Aim, Row};
use support::packets::cookie::{Cookie, made, option, set_clock, set_secret};
use support::packets::filter::Filter;
use support::packets::frame::{Packet, TCP, ip4, ip6};
use support::packets::message::query;
use support::packets::sandbox::PASS;

/// Aim: seconds that a proof takes, by a cookie or by a connection.
const PROOF: Aim = Aim::Above(60e-9);
/// Aim: a query within its rate takes at most this many times the time without proofs.
const WITHIN_RATE: f64 = 1.05;

const NAME: &str = "www.some-domain.example";
const SOURCE4: &str = "10.0.77.1";
const SOURCE6: &str = "2001:db8::1";
const SECRET: u128 = 0xe5e9_73e5_a6b2_a43f_48e7_dc84_9e37_bfcf;
/// Time of the cookies, in seconds since 1970. They stay valid for an hour.
const TIME: u32 = 1_559_731_985;
const DNS_PORT: u16 = 53;

/// Offsets in a frame with an IPv4 header: its destination, and the flags of the TCP header.
const DESTINATION: usize = 14 + 16;
const TCP_FLAGS: usize = 14 + 20 + 13;
const ACK: u8 = 0x10;

/// A program with a rate for each source, and further settings.
fn load(program: &str, rate: &str, settings: &str) -> Filter {
    let lines = match program {
        "dns" => vec![format!("@settings 0 rate={rate} {settings}")],
        "guard" => vec![
            format!("@settings 0 {settings}"),
            format!("@limits ::/0 source_rate={rate}"),
        ],
        _ => vec![
            format!("@settings 0 {settings}"),
            format!("::/0 source_rate={rate}"),
        ],
    };
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    Filter::load(program, &lines)
}

/// A program with a rate for sources with a cookie.
fn verifying(program: &str, secrets: &[u128]) -> Filter {
    let filter = load(program, NEVER, &format!("cookie_rate={NEVER}"));
    for (number, &secret) in secrets.iter().enumerate() {
        set_secret(&filter, number, secret);
    }
    set_clock(&filter, TIME.into());
    filter
}

/// A query with this cookie.
fn ask(source: Packet, cookie: &Cookie) -> Vec<u8> {
    let message = query(NAME, 1).edns(1232, &option(cookie));
    source.datagram(DNS_PORT, &message.bytes).bytes
}

/// Queries with a cookie that the program verifies, beside the program without a secret.
fn cookies(bench: &Bench<'_>, program: &str) -> Vec<Row> {
    let unverified = verifying(program, &[]);
    let one = verifying(program, &[SECRET]);
    let two = verifying(program, &[SECRET, SECRET + 1]);
    let four = ask(ip4(SOURCE4), &made(SECRET, SOURCE4, TIME));
    let six = ask(ip6(SOURCE6), &made(SECRET, SOURCE6, TIME));
    let forged = ask(ip4(SOURCE4), &made(SECRET + 2, SOURCE4, TIME));
    for (filter, frame, counter) in [
        (&one, &four, "cookies_valid"),
        (&one, &six, "cookies_valid"),
        (&two, &forged, "cookies_forged"),
    ] {
        run_counted(filter, frame, counter);
    }
    let case = |what, filter, frame, aim| {
        let peer = Peer {
            name: "cookie not verified",
            program: &unverified.program,
            verdict: PASS,
            aim,
        };
        Case::new(what, filter, Packets::same(frame), PASS, peer)
    };
    let cases = [
        case("a valid cookie", &one, four, PROOF),
        case("a valid cookie, IPv6", &one, six, PROOF),
        case("a forged cookie, two secrets", &two, forged, Aim::None),
    ];
    bench.rows(program, &cases)
}

/// Runs the program on the frame, which it must count under this name.
fn run_counted(filter: &Filter, frame: &[u8], counter: &str) {
    let number = || filter.number(&format!("@totals 0 {counter}"));
    let before = number();
    filter.run(frame);
    assert_eq!(number(), before + 1, "{counter}");
}

/// Proves the source 127.0.0.1 by a segment of an established connection.
fn prove(filter: &Filter) {
    let host = Ipv4Addr::LOCALHOST;
    let listener = TcpListener::bind((host, DNS_PORT)).unwrap();
    let _client = TcpStream::connect((host, DNS_PORT)).unwrap();
    let (_server, from) = listener.accept().unwrap();
    let mut frame = ip4("127.0.0.1").between(TCP, from.port(), DNS_PORT).bytes;
    frame[DESTINATION..DESTINATION + 4].copy_from_slice(&host.octets());
    frame[TCP_FLAGS] = ACK;
    run_counted(filter, &frame, "proofs");
}

/// Queries of sources within their rate with and without proofs, and over it with a proof.
fn proofs(bench: &Bench<'_>, program: &str) -> Vec<Row> {
    let off = load(program, NEVER, "proven_rate=0");
    let on = load(program, NEVER, &format!("proven_rate={NEVER}"));
    let over = load(program, "1", &format!("proven_rate={NEVER}"));
    prove(&over);
    let packets = || Packets::same(ip4("127.0.0.1").datagram(DNS_PORT, &asks(NAME, 1)).bytes);
    let peer = |name, program, aim| Peer {
        name,
        program,
        verdict: PASS,
        aim,
    };
    let without = peer("proofs off", &off.program, Aim::Within(WITHIN_RATE));
    let within = peer("within its rate", &on.program, PROOF);
    let cases = [
        Case::new("a query, proofs on", &on, packets(), PASS, without),
        Case::new(
            "a proven source over its rate",
            &over,
            packets(),
            PASS,
            within,
        ),
    ];
    bench.rows(program, &cases)
}

pub(crate) fn limit(bench: &Bench<'_>) -> Vec<Row> {
    proofs(bench, "limit")
}

pub(crate) fn dns(bench: &Bench<'_>) -> Vec<Row> {
    let mut rows = cookies(bench, "dns");
    rows.extend(proofs(bench, "dns"));
    rows
}

pub(crate) fn guard(bench: &Bench<'_>) -> Vec<Row> {
    let mut rows = cookies(bench, "guard");
    rows.extend(proofs(bench, "guard"));
    rows
}
