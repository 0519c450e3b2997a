//! ICMP errors to the router for its own packets, from the hosts and from the branches.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::{Carried, Kind, Traffic};
use crate::hosts::Branch;
use crate::router::Router;

/// Bytes of a datagram that exceeds the MTU of the link to a branch.
const LONG: u32 = 1400;
/// A port without a server.
const CLOSED: u16 = 33_434;
const LIMIT: Duration = Duration::from_secs(5);

pub struct Errors {
    branches: Arc<[Branch; 2]>,
}

impl Errors {
    pub fn new(branches: &Arc<[Branch; 2]>) -> Self {
        Self {
            branches: Arc::clone(branches),
        }
    }
}

impl Traffic for Errors {
    fn name(&self) -> &'static str {
        "ICMP errors"
    }

    fn kind(&self) -> Kind {
        Kind::Management
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        // Without cached path MTUs, the router sends each packet unfragmented.
        router.router.run("ip -4 route flush cache");
        router.router.run("ip -6 route flush cache");
        let mut sent = 0;
        for branch in self.branches.iter() {
            for address in branch.addresses {
                expire(router, address)?;
                overflow(router, address)?;
                find_closed(router, address)?;
                sent += 3;
            }
        }
        Ok(Carried {
            sent,
            lost: 0,
            rate: None,
        })
    }
}

/// Sends a packet whose hop limit expires at the host: "time exceeded".
fn expire(router: &Router, address: IpAddr) -> Result<(), String> {
    let line = format!("ping -n -c 1 -t 1 -W 5 {address}");
    expect_error(router, &line, "exceeded")
}

/// Sends a packet that the host must not fragment: "fragmentation needed" or "packet too big".
fn overflow(router: &Router, address: IpAddr) -> Result<(), String> {
    let line = format!("ping -n -c 1 -M do -s {LONG} -W 5 {address}");
    let error = if address.is_ipv4() {
        "Frag needed"
    } else {
        "Packet too big"
    };
    expect_error(router, &line, error)
}

/// Checks that the output of ping contains the error of the host.
fn expect_error(router: &Router, line: &str, error: &str) -> Result<(), String> {
    let output = String::from_utf8_lossy(&router.router.attempt(line).stdout).into_owned();
    if output.contains("From ") && output.contains(error) {
        Ok(())
    } else {
        Err(format!("{line}: {output}"))
    }
}

/// Sends a datagram to a closed port: "port unreachable".
fn find_closed(router: &Router, address: IpAddr) -> Result<(), String> {
    let any = if address.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = router.router.enter(|| UdpSocket::bind(any)).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let sent = socket
        .connect((address, CLOSED))
        .and_then(|()| socket.send(b"?"));
    sent.map_err(|error| format!("{address}: {error}"))?;
    match socket.recv(&mut [0; 8]) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        other => Err(format!("{address}: {other:?}")),
    }
}
