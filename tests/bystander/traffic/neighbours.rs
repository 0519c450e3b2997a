//! Neighbour discovery and ARP between the router and a station behind each interface, with empty neighbour caches.

use super::{Carried, Kind, Traffic, poll_until};
use crate::hosts::{Station, side};
use crate::router::{HOST, LAN, Router, WAN};
use support::net::Namespace;

pub struct Neighbours {
    stations: [Station; 2],
}

impl Neighbours {
    pub fn new(router: &Router) -> Self {
        Self {
            stations: [WAN, LAN].map(|port| Station::new(router, port, 61)),
        }
    }
}

impl Traffic for Neighbours {
    fn name(&self) -> &'static str {
        "neighbour discovery, ARP"
    }

    fn kind(&self) -> Kind {
        Kind::Management
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        let mut sent = 0;
        for station in &self.stations {
            let place = &station.namespace;
            let gateway = side(router, station.port).gateway;
            for (address, gateway) in station.addresses.iter().zip(gateway) {
                resolve(place, gateway, HOST)?;
                resolve(&router.router, address, station.port)?;
                sent += 4;
            }
            find_duplicate(place, gateway[1])?;
            sent += 1;
        }
        Ok(Carried {
            sent,
            lost: 0,
            rate: None,
        })
    }
}

/// Resolves an address by multicast or broadcast, then probes the owner by unicast.
fn resolve(place: &Namespace, address: &str, interface: &str) -> Result<(), String> {
    // The command fails if the cache has no such entry.
    place.attempt(&format!("ip neigh del {address} dev {interface}"));
    place.run(&format!(
        "ip neigh replace {address} dev {interface} nud none use"
    ));
    wait_reachable(place, address, interface)?;
    place.run(&format!(
        "ip neigh change {address} dev {interface} nud probe"
    ));
    wait_reachable(place, address, interface)
}

fn wait_reachable(place: &Namespace, address: &str, interface: &str) -> Result<(), String> {
    let show = format!("ip neigh show {address} dev {interface}");
    poll_until(&format!("{address} is reachable"), || {
        let output = place.run(&show);
        if output.contains("FAILED") {
            return Err(format!("{address}: {output}"));
        }
        Ok(output.contains("lladdr") && output.contains("REACHABLE"))
    })
}

/// Adds the router's address to a station. The router must defend its address.
fn find_duplicate(place: &Namespace, address: &str) -> Result<(), String> {
    place.run(&format!("ip address add {address}/128 dev {HOST}"));
    let output = poll_until(&format!("{address} is a duplicate"), || {
        let output = place.run(&format!("ip -6 address show dev {HOST} to {address}"));
        if output.contains("tentative") {
            Ok(output.contains("dadfailed"))
        } else {
            Err(format!("no answer for {address}: {output}"))
        }
    });
    place.run(&format!("ip address del {address}/128 dev {HOST}"));
    output
}
