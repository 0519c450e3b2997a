//! ICMP errors that the router gets for packets of its own: from the hosts, and from the networks behind them.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::{Carried, Kind, Traffic};
use crate::hosts::Branch;
use crate::router::Router;

/// Longer than the MTU of the link to a branch.
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
        // Nothing is known of the paths, so each packet goes out.
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

/// A packet whose hop limit ends at the host: "time exceeded".
fn expire(router: &Router, address: IpAddr) -> Result<(), String> {
    let line = format!("ping -n -c 1 -t 1 -W 5 {address}");
    fails(router, &line, "exceeded")
}

/// A packet that the host may not fragment: "fragmentation needed" and "packet too big".
fn overflow(router: &Router, address: IpAddr) -> Result<(), String> {
    let line = format!("ping -n -c 1 -M do -s {LONG} -W 5 {address}");
    let error = if address.is_ipv4() {
        "Frag needed"
    } else {
        "Packet too big"
    };
    fails(router, &line, error)
}

/// The error of the host must be in what ping says.
fn fails(router: &Router, line: &str, error: &str) -> Result<(), String> {
    let said = String::from_utf8_lossy(&router.router.attempt(line).stdout).into_owned();
    if said.contains("From ") && said.contains(error) {
        Ok(())
    } else {
        Err(format!("{line}: {said}"))
    }
}

/// A datagram to a closed port: "port unreachable".
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
