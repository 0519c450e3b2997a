//! The traffics. Each has a file of its own, and a row in [`all`].

mod authority;
mod dhcp;
mod errors;
mod exchange;
mod extensions;
mod fragments;
mod membership;
mod mtu;
mod neighbours;
mod ping;
mod resolver;
mod ssh;
mod tcp;
mod udp;

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::wait::PATIENCE;

use super::hosts::Branch;
use super::router::{LAN, Router, WAN};
use super::servers::Servers;

/// The account of one run of a traffic, end to end.
#[derive(Clone, Copy, Debug)]
pub struct Carried {
    /// Packets, queries or other units that were sent.
    pub sent: u64,
    /// Those of them that did not arrive, or whose answer did not.
    pub lost: u64,
    /// Throughput, in any unit, if the traffic has one to be compared.
    pub rate: Option<f64>,
}

/// What corexdp-programs(7) promises about a traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ssh, DHCP, neighbour discovery, MLD and ICMP errors, which pass unless `manage` is set.
    Management,
    /// Answers of servers that the router has asked, which pass with `replies=REPLIES_PASS`.
    Reply,
    /// Messages to the DNS server on the router.
    Query,
    /// Everything else, which passes with `SCOPE_DNS`.
    Other,
}

/// Something that a network does every day. The servers that it needs run from its making to its drop.
pub trait Traffic: Sync {
    /// The name in the table.
    fn name(&self) -> &'static str;

    /// Filters whose settings are not for this kind are left out.
    fn kind(&self) -> Kind;

    /// The interfaces of the router that its packets arrive at. A filter at another interface is not tried.
    fn interfaces(&self) -> &[&'static str] {
        &[WAN, LAN]
    }

    /// True if a run has a rate.
    fn has_rate(&self) -> bool {
        false
    }

    /// True if other traffics at the same time would make it lose packets. All others run at the same time.
    fn runs_alone(&self) -> bool {
        false
    }

    /// Sends it once, in a few seconds at most.
    ///
    /// # Errors
    /// The text says which step failed, and what its program said.
    fn run(&self, router: &Router) -> Result<Carried, String>;
}

/// All traffics, their servers started.
pub fn all(router: &Router) -> Vec<Box<dyn Traffic>> {
    let servers = Arc::new(Servers::start(router));
    let mut all: Vec<Box<dyn Traffic>> = Vec::new();
    for transfer in tcp::all(router) {
        all.push(Box::new(transfer));
    }
    all.push(Box::new(udp::Stream::new(router)));
    all.push(Box::new(resolver::Resolver::upstream(router, &servers)));
    all.push(Box::new(resolver::Resolver::clients(&servers)));
    for port in [WAN, LAN] {
        all.push(Box::new(authority::Changes::new(port, &servers)));
        all.push(Box::new(authority::Queries::over_tcp(port, &servers)));
        all.push(Box::new(authority::Queries::over_tls(port, &servers)));
    }
    all.push(Box::new(fragments::Fragments::new(&servers)));
    add_protocols(router, &mut all);
    all
}

/// Adds what a network needs beside DNS.
fn add_protocols(router: &Router, all: &mut Vec<Box<dyn Traffic>>) {
    let branches = Arc::new(Branch::both(router));
    for sessions in ssh::Ssh::all(router) {
        all.push(Box::new(sessions));
    }
    all.push(Box::new(dhcp::Dhcp::new(router, &branches)));
    all.push(Box::new(neighbours::Neighbours::new(router)));
    all.push(Box::new(membership::Membership::mld(router)));
    all.push(Box::new(membership::Membership::igmp(router)));
    all.push(Box::new(ping::Ping::new(&branches)));
    all.push(Box::new(errors::Errors::new(&branches)));
    all.push(Box::new(mtu::PathMtu::new(router, &branches)));
    all.push(Box::new(extensions::Extensions::new(router)));
    all.push(Box::new(exchange::Mdns::new(router)));
    all.push(Box::new(exchange::Ntp::new(router)));
}

/// Looks until the awaited state is there.
///
/// # Errors
/// The state did not come.
fn becomes(awaited: &str, look: impl Fn() -> Result<bool, String>) -> Result<(), String> {
    let end = Instant::now() + PATIENCE / 2;
    while !look()? {
        if Instant::now() > end {
            return Err(format!("waited until {awaited}"));
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}
