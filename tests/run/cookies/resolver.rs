//! A resolver (named) with cookies, and a flood of forged queries in its network.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;

use support::net::pause;
use support::objects::random::Random;
use support::packets::cookie::{made, option, wall_clock};
use support::packets::frame::ip4;
use support::packets::message::query;
use support::wait::{End, wait_until};

use super::{ANSWER, CLIENTS, KNOT, Server, Stage, start_named};

/// Queries of the resolver during the flood.
const QUERIES: u64 = 200;

const PROGRAMS: [(&str, &str); 2] = [
    (
        "dns",
        "entry @settings 0 rate=50 burst=200 new_rate=100 cookie_rate=100000",
    ),
    (
        "guard",
        "entry @settings 0 truncate=true new_rate=100 cookie_rate=100000 syn_rate=1000000\n\
         entry @limits ::/0 source_rate=50 source_burst=200",
    ),
];

/// Starts named as a resolver, which sends cookies to Knot.
fn start_resolver(stage: &Stage) -> Server {
    let options = "listen-on { 127.0.0.1; };\nlisten-on-v6 { none; };\nrecursion yes;\n";
    let zone = format!(
        "zone \"example\" {{ type forward; forward only; forwarders {{ {}; }}; }};",
        KNOT[0]
    );
    start_named(&stage.site, &stage.site.client, "resolver", options, &zone)
}

/// Queries of random sources, half of them in the network of the resolver, and queries of the resolver's own address
/// with forged cookies.
fn forge(random: &mut Random) -> Vec<u8> {
    let source = CLIENTS[0];
    let message = query("www.example", 1);
    if random.below(3) == 0 {
        let secret = u128::try_from(random.below(1 << 20)).unwrap();
        let cookie = made(secret, source, wall_clock());
        return ip4(source)
            .datagram(53, &message.edns(1232, &option(&cookie)).bytes)
            .bytes;
    }
    let host = random.below(255);
    let network = [2, random.below(256)][random.below(2)];
    ip4(&format!("192.0.{network}.{host}"))
        .datagram(53, &message.bytes)
        .bytes
}

/// Connections that the servers have accepted.
fn connections(stage: &Stage) -> u64 {
    let text = stage.site.server.run("cat /proc/net/snmp");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let [names, values] = [(); 2].map(|()| lines.next().unwrap().split(' '));
    let (_, value) = names
        .zip(values)
        .find(|(name, _)| *name == "PassiveOpens")
        .unwrap();
    value.parse().unwrap()
}

#[test]
fn resolver_with_a_cookie_passes_during_a_flood() {
    for (program, lines) in PROGRAMS {
        let stage = Stage::new();
        let daemon = stage.filtered(program, lines);
        let (sender, over) = (stage.site.sender(), AtomicBool::new(false));
        scope(|scope| {
            let _end = End(&over);
            scope.spawn(|| {
                let mut random = Random(0xf100d);
                while !over.load(Ordering::Relaxed) {
                    for _ in 0..32 {
                        sender.send(&forge(&mut random), 1);
                    }
                    pause(1);
                }
            });
            limits_hold(&stage);
            let _resolver = start_resolver(&stage);
            // The first query has no cookie: its answer comes over TCP, with a cookie.
            let mut first = 0;
            wait_until("the resolver has a cookie", || {
                first += 1;
                let output = resolve(&stage, &format!("f{first}"));
                let valid = stage.number("cookies_valid");
                if valid > 0 { Ok(()) } else { Err(output) }
            });
            let [before, accepted] = [stage.number("cookies_valid"), connections(&stage)];
            for number in 0..QUERIES {
                let output = resolve(&stage, &format!("n{number}"));
                assert!(output.contains(ANSWER), "{program}: {output}");
            }
            let accepted = connections(&stage) - accepted;
            let valid = stage.number("cookies_valid") - before;
            assert!(valid >= QUERIES, "{program}: {valid} valid cookies");
            // A query that the busy machine loses is repeated, at last without a cookie.
            assert!(accepted < QUERIES / 20, "{program}: {accepted} connections");
            limits_hold(&stage);
        });
        daemon.stop();
    }
}

/// A query of the resolver's address without a cookie is over the rates.
fn limits_hold(stage: &Stage) {
    wait_until("a query without a cookie is truncated", || {
        let output = stage.ask("kdig", KNOT[0], "+ignore +retry=0 +time=1");
        if output.contains("Flags: qr tc rd;") {
            Ok(())
        } else {
            Err(output)
        }
    });
    assert_ne!(stage.number("cookies_forged"), 0);
}

/// Asks the resolver for a name that it does not know yet. Over TCP, a resolver that does not listen yet refuses at once.
fn resolve(stage: &Stage, name: &str) -> String {
    let line = format!("kdig @127.0.0.1 {name}.example A +tcp +retry=0 +time=30");
    let output = stage.site.client.attempt(&line);
    String::from_utf8(output.stdout).unwrap()
}
