//! The traffics. Each traffic has its own file, and a line in [`all`].

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

/// End-to-end result of one run of a traffic.
#[derive(Clone, Copy, Debug)]
pub struct Carried {
    /// Number of sent packets, queries or other units.
    pub sent: u64,
    /// Number of sent units that did not arrive or got no answer.
    pub lost: u64,
    /// Throughput in a unit of the traffic; `None` if the throughput is not compared.
    pub rate: Option<f64>,
}

/// The promise of corexdp-programs(7) about a traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ssh, DHCP, neighbour discovery, MLD and ICMP errors, which pass unless `manage` is set.
    Management,
    /// Responses to queries of the router, which pass with `replies=REPLIES_PASS`.
    Reply,
    /// Queries and other messages to the DNS server on the router.
    Query,
    /// All other traffic, which passes with `SCOPE_DNS`.
    Other,
}

/// A traffic: packets of one protocol, as in an everyday network. The traffic's servers run until the traffic is dropped.
pub trait Traffic: Sync {
    /// Name of the traffic in the table.
    fn name(&self) -> &'static str;

    /// The promise that the traffic tests. A filter without this promise is not tried.
    fn kind(&self) -> Kind;

    /// Interfaces of the router that receive packets of the traffic. Filters at other interfaces are not tried.
    fn interfaces(&self) -> &[&'static str] {
        &[WAN, LAN]
    }

    /// True if [`Carried::rate`] is `Some`.
    fn has_rate(&self) -> bool {
        false
    }

    /// True if the traffic loses packets while other traffics run. All other traffics run at the same time.
    fn runs_alone(&self) -> bool {
        false
    }

    /// Sends the packets of one run, which takes at most a few seconds.
    ///
    /// # Errors
    /// The step that failed, with the output of its program.
    fn run(&self, router: &Router) -> Result<Carried, String>;
}

/// Starts the servers of all traffics.
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

/// Adds the traffics of protocols other than DNS.
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

/// Calls `look` until it returns true.
///
/// # Errors
/// When `look` fails, or returns false until the time limit.
fn poll_until(awaited: &str, look: impl Fn() -> Result<bool, String>) -> Result<(), String> {
    let end = Instant::now() + PATIENCE / 2;
    while !look()? {
        if Instant::now() > end {
            return Err(format!("waited until {awaited}"));
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}
