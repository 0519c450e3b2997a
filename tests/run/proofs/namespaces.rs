//! A server in another network namespace than the filter.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener};

use support::net::Namespace;

use super::{Over, PROGRAMS, Passed, SERVER4, Stage, connect_from};

/// The server's address in a namespace behind that of the filter.
const INNER: &str = "198.51.100.53";

/// Adds a namespace whose traffic the namespace of the filter forwards.
fn add_inner(stage: &Stage) -> Namespace {
    let inner = Namespace::new();
    let (server, name) = (&stage.site.server, inner.name());
    // A veth pair would give the namespace another number.
    server.run(&format!("ip netns set {name} 7"));
    server.run(&format!(
        "ip link add in0 up type veth peer name out0 netns {name}"
    ));
    server.run("ip address add 198.51.100.1/24 dev in0");
    server.run("sysctl -qw net.ipv4.ip_forward=1");
    inner.run(&format!("ip address add {INNER}/24 dev out0"));
    inner.run("ip link set out0 up");
    inner.run("ip route add default via 198.51.100.1");
    let route = format!("ip route add 198.51.100.0/24 via {SERVER4}");
    stage.site.client.run(&route);
    inner
}

/// Sends a segment of a connection to the inner server, which has received it when this returns.
fn connect_to_inner(stage: &Stage, inner: &Namespace) {
    let listener = inner.enter(|| TcpListener::bind((INNER, 53)).unwrap());
    let address: IpAddr = INNER.parse().unwrap();
    let mut client = stage
        .site
        .client
        .enter(|| connect_from("192.0.2.1", address));
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"x").unwrap();
    server.read_exact(&mut [0]).unwrap();
}

#[test]
fn server_in_another_namespace_proves_nothing_by_default() {
    for program in PROGRAMS {
        let stage = Stage::new(program, "proven_rate=1000000");
        let inner = add_inner(&stage);
        connect_to_inner(&stage, &inner);
        assert_eq!(stage.number("proofs"), 0, "{program}");
        assert_eq!(stage.ask("192.0.2.1"), Over, "{program}");
        stage.stop();
    }
}

#[test]
fn sockets_of_the_configured_namespace_prove() {
    for program in PROGRAMS {
        let stage = Stage::new(program, "proven_rate=1000000 netns=7");
        // No namespace has the number yet.
        let [mut client, mut server] = stage.accepted(&stage.listen(SERVER4), "192.0.2.2");
        let mut reach_server = || {
            client.write_all(b"x").unwrap();
            server.read_exact(&mut [0]).unwrap();
        };
        reach_server();
        assert_eq!(stage.number("proofs"), 0, "{program}");
        let inner = add_inner(&stage);
        connect_to_inner(&stage, &inner);
        stage.becomes("proofs", 1);
        assert_eq!(stage.ask("192.0.2.1"), Passed, "{program}");
        // The filter looks in one namespace only.
        reach_server();
        assert_eq!(stage.number("proofs"), 1, "{program}");
        assert_eq!(stage.ask("192.0.2.2"), Over, "{program}");
        stage.stop();
    }
}

/// The kernel refuses a lookup by a number that it does not know, and the program drops nothing for it.
#[test]
fn unknown_namespace_proves_nothing() {
    let stage = Stage::new("dns", "proven_rate=1000000 netns=12345");
    let [mut client, mut server] = stage.accepted(&stage.listen(SERVER4), "192.0.2.1");
    client.write_all(b"x").unwrap();
    server.read_exact(&mut [0]).unwrap();
    assert_eq!(stage.number("proofs"), 0);
    assert_eq!(stage.ask("192.0.2.1"), Over);
    stage.stop();
}
