//! Reference programs: each makes the map lookups that a filter of its kind cannot avoid, and little else.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::programs::Peer;
use super::runs::load;
use super::site::Site;
use super::table::Aim;
use support::objects::compile::compile_text;
use support::packets::kernel::{Map, Program};

/// Bits of an IPv4-mapped IPv6 address before the IPv4 address, RFC 4291 section 2.5.5.2.
const MAPPED_BITS: u32 = 96;
/// Size in reference.bpf.c.
const RULE_SIZE: usize = 32;

/// A loaded `reference.bpf.c`, compiled with options.
pub(crate) struct Reference {
    pub(crate) program: Program,
    pins: PathBuf,
}

/// A source network, and the action for its packets.
pub(crate) struct Network {
    pub(crate) first: Ipv4Addr,
    pub(crate) bits: u32,
    pub(crate) drop: bool,
}

impl Reference {
    /// Compiles and loads the reference. `name` is unique among the programs of the benchmark.
    pub(crate) fn new(site: &Site, name: &str, options: &[&str]) -> Self {
        let folder = site.file(name);
        let object = compile_text(include_str!("reference.bpf.c"), name, &folder, options);
        let pins = load(&object, name, &[]);
        Self {
            program: Program::pinned(&pins.join("prog")),
            pins,
        }
    }

    /// The reference as a peer. `name` lists the lookups, and `most` is the aim.
    pub(crate) fn peer(&self, name: &'static str, verdict: u32, most: f64) -> Peer<'_> {
        Peer {
            name,
            program: &self.program,
            verdict,
            aim: Aim::Within(most),
        }
    }

    /// Drops packets of these addresses by the hash map.
    pub(crate) fn drop_hosts(self, hosts: impl IntoIterator<Item = Ipv4Addr>) -> Self {
        self.fill("hosts", hosts.into_iter().map(|host| (mapped(host), true)))
    }

    /// Fills the trie with these networks.
    pub(crate) fn networks(self, networks: impl IntoIterator<Item = Network>) -> Self {
        let rules = networks.into_iter().map(|network| {
            let mut key = (MAPPED_BITS + network.bits).to_ne_bytes().to_vec();
            key.extend(mapped(network.first));
            (key, network.drop)
        });
        self.fill("prefixes", rules)
    }

    /// Drops queries of this type.
    pub(crate) fn drop_type(self, number: u32) -> Self {
        self.fill("types", [(number.to_ne_bytes().to_vec(), true)])
    }

    /// Writes the keys, each with its `drop`.
    fn fill(self, map: &str, rules: impl IntoIterator<Item = (Vec<u8>, bool)>) -> Self {
        let map = Map::pinned(&self.pins.join(map));
        for (key, drop) in rules {
            let mut rule = [0; RULE_SIZE];
            rule[0] = drop.into();
            map.fill(&key, &rule);
        }
        self
    }
}

fn mapped(address: Ipv4Addr) -> Vec<u8> {
    address.to_ipv6_mapped().octets().to_vec()
}
