//! Ping and traceroute through the router, to the router and from the router.

use std::net::IpAddr;
use std::sync::Arc;

use support::net::Namespace;

use super::{Carried, Kind, Traffic};
use crate::hosts::Branch;
use crate::router::{LAN_HOST, ROUTER_LAN, ROUTER_WAN, Router, WAN, WAN_HOST, ask};

/// Number of requests to each address, both short and long.
const REQUESTS: u64 = 5;
const SIZES: [u32; 2] = [56, 1400];
/// Hops to the host in the WAN, which forwards to the branch.
const HOPS: u32 = 2;

pub struct Ping {
    branches: Arc<[Branch; 2]>,
}

impl Ping {
    pub fn new(branches: &Arc<[Branch; 2]>) -> Self {
        Self {
            branches: Arc::clone(branches),
        }
    }
}

impl Traffic for Ping {
    fn name(&self) -> &'static str {
        "ping, traceroute"
    }

    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        let mut carried = Carried {
            sent: 0,
            lost: 0,
            rate: None,
        };
        let pairs = [
            (&router.lan, WAN_HOST),
            (&router.wan, LAN_HOST),
            (&router.lan, ROUTER_LAN),
            (&router.wan, ROUTER_WAN),
            (&router.router, LAN_HOST),
            (&router.router, WAN_HOST),
        ];
        for (place, addresses) in pairs {
            for (address, size) in addresses.iter().zip(SIZES) {
                carried.sent += REQUESTS;
                carried.lost += REQUESTS - ping(place, address, size)?;
            }
        }
        for branch in self.branches.iter().filter(|one| one.port == WAN) {
            for address in branch.addresses {
                carried.sent += 1;
                trace(&router.lan, address)?;
            }
        }
        Ok(carried)
    }
}

/// Number of answered requests.
fn ping(place: &Namespace, address: &str, size: u32) -> Result<u64, String> {
    let line = format!("ping -n -q -c {REQUESTS} -i 0.01 -W 2 -s {size} {address}");
    let output = ask(place, &line)?;
    let mut parts = output.split(", ");
    let received = parts.find_map(|part| part.strip_suffix(" received"));
    let received = received.and_then(|number| number.parse().ok());
    received.ok_or(output)
}

/// Checks that the host at [`HOPS`] hops reports "time exceeded".
fn trace(place: &Namespace, address: IpAddr) -> Result<(), String> {
    let line = format!("ping -n -c 1 -t {HOPS} -W 5 {address}");
    let output = String::from_utf8_lossy(&place.attempt(&line).stdout).into_owned();
    if output.contains("exceeded") {
        Ok(())
    } else {
        Err(format!("{line}: {output}"))
    }
}
