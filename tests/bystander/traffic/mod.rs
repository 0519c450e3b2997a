//! The traffics. Each has a file of its own, and a row in [`all`].

mod download;

use super::router::Router;

/// The account of one run of a traffic, end to end.
#[derive(Clone, Copy, Debug)]
pub struct Carried {
    /// Packets, queries or other units that were sent.
    pub sent: u64,
    /// Those of them that did not arrive, or whose answer did not.
    pub lost: u64,
    /// Throughput, in any unit; `None`: this traffic has no throughput to be compared.
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

    /// True if the run has a rate, or disturbs others: it runs alone. All other traffics run at the same time.
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
    vec![Box::new(download::Download::through(router))]
}
