//! The verdicts of a program and of every server, against the reference.

use std::collections::HashMap;
use std::net::{IpAddr, UdpSocket};

use support::objects::random::Random;
use support::packets::cookie::{Cookie, Kind, Maker, Verdict, option, verdict, wall_clock};
use support::packets::message::query;
use support::packets::number;
use support::wait::PATIENCE;

use super::{BIND, CLIENTS, KNOT, ONLY_COOKIES, SECRET, Stage};
use Answer::{Answered, BadCookie, Truncated};

/// Seconds that a query may take without another verdict.
const MARGIN: u32 = 120;

/// Cookies for Unbound, which answers only 100 errors a second.
const FOR_UNBOUND: u32 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Answered,
    /// By the program.
    Truncated,
    /// By a server.
    BadCookie,
}

/// A client of one server.
struct Client {
    source: &'static str,
    socket: UdpSocket,
}

impl Client {
    fn new(stage: &Stage, server: &'static str, source: &'static str) -> Self {
        let socket = stage.site.client.enter(|| {
            let address: IpAddr = source.parse().unwrap();
            UdpSocket::bind((address, 0)).unwrap()
        });
        let address: IpAddr = server.parse().unwrap();
        socket.connect((address, 53)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { source, socket }
    }

    fn ask(&self, cookie: &Cookie) -> Answer {
        let query = query("www.example", 1).edns(1232, &option(cookie));
        self.socket.send(&query.bytes).unwrap();
        let mut response = [0; 1232];
        let length = self.socket.recv(&mut response);
        let length = length.unwrap_or_else(|error| panic!("{cookie:02x?}: {error}"));
        // TC, the lower bits of RCODE, and ANCOUNT. BADCOOKIE is 23.
        match (response[2] & 2, response[3] & 15, response[7]) {
            (0, 0, 1) => Answered,
            (2, 0, 0) => Truncated,
            (0, 7, 0) => BadCookie,
            _ => panic!("{:02x?}", &response[..length]),
        }
    }
}

/// Answer of a server to a valid cookie. BIND takes no cookie with reserved bits, and makes none.
fn valid(server: &str, cookie: &Cookie) -> Answer {
    if BIND.contains(&server) && cookie[9..12] != [0; 3] {
        BadCookie
    } else {
        Answered
    }
}

/// Sends random cookies of every kind to every server from both families. A cookie that the reference does not find valid
/// must be answered by `otherwise`.
fn compare(stage: &Stage, seed: u64, otherwise: Answer) {
    let pairs = stage
        .servers
        .iter()
        .flat_map(|server| [0, 1].map(|family| (server[family], CLIENTS[family])));
    let clients: Vec<_> = pairs
        .map(|(server, source)| (server, Client::new(stage, server, source)))
        .collect();
    let others = [KNOT, BIND].as_flattened().len();
    let mut random = Random(seed);
    let mut counts = HashMap::new();
    for number in 0..number(1000) {
        let known = if number < FOR_UNBOUND {
            clients.len()
        } else {
            others
        };
        let (server, client) = &clients[random.below(known)];
        let kind = Kind::ALL[number as usize % Kind::ALL.len()];
        let maker = Maker {
            secret: SECRET,
            source: client.source,
            now: wall_clock(),
            margin: MARGIN,
        };
        let cookie = maker.cookie(&mut random, kind);
        let reference = verdict(&cookie, SECRET, client.source, maker.now);
        assert_eq!(reference, kind.verdict(), "{kind:?}: {cookie:02x?}");
        let expected = match kind {
            Kind::Valid => valid(server, &cookie),
            _ => otherwise,
        };
        let answer = client.ask(&cookie);
        assert_eq!(answer, expected, "{server}: {kind:?}: {cookie:02x?}");
        *counts.entry(reference).or_default() += 1;
    }
    for (verdict, counter) in [
        (Verdict::Valid, "cookies_valid"),
        (Verdict::Forged, "cookies_forged"),
        (Verdict::Stale, "cookies_stale"),
    ] {
        stage.becomes(counter, counts.get(&verdict).copied().unwrap_or(0));
    }
}

/// The clock of the program is the one that the daemon keeps. The servers take each cookie that passes.
#[test]
fn program_passes_the_cookies_that_the_reference_finds_valid() {
    let stage = Stage::new();
    for (program, lines) in ONLY_COOKIES {
        let daemon = stage.filtered(program, lines);
        compare(&stage, 0x19_01, Truncated);
        daemon.stop();
    }
}

/// With `monitor`, the same packets have a verdict of the program and one of a server.
#[test]
fn servers_take_the_cookies_that_the_reference_finds_valid() {
    let stage = Stage::new();
    for (program, lines) in ONLY_COOKIES {
        let lines = lines.replace("@settings 0", "@settings 0 monitor=true");
        let daemon = stage.filtered(program, &lines);
        compare(&stage, 0x19_02, BadCookie);
        daemon.stop();
    }
}
