//! Further hosts: stations behind a switch (*station*), and networks behind the two hosts of the router (*branch*).

use std::net::IpAddr;

use support::net::Namespace;

use crate::router::{HOST, LAN, LAN_HOST, ROUTER_LAN, ROUTER_WAN, Router, WAN, WAN_HOST};

/// MTU of the link between a host and its branch: the minimum of IPv6.
const SMALL_MTU: u32 = 1280;

/// The host that is connected to an interface of the router.
pub struct Side<'a> {
    pub host: &'a Namespace,
    pub host_addresses: [&'static str; 2],
    pub gateway: [&'static str; 2],
}

pub fn side<'a>(router: &'a Router, port: &str) -> Side<'a> {
    if port == WAN {
        Side {
            host: &router.wan,
            host_addresses: WAN_HOST,
            gateway: ROUTER_WAN,
        }
    } else {
        Side {
            host: &router.lan,
            host_addresses: LAN_HOST,
            gateway: ROUTER_LAN,
        }
    }
}

/// A host behind its own switch with IGMP and MLD snooping. The bridge [`HOST`] is both the switch and the interface of the
/// station. The port `port0` of the switch leads to the router and the other hosts.
pub struct Station {
    pub namespace: Namespace,
    /// The interface of the router that leads to this host.
    pub port: &'static str,
    pub addresses: [String; 2],
}

impl Station {
    /// Creates a station in the network of `port`. Its addresses end with `number`.
    pub fn new(router: &Router, port: &'static str, number: u8) -> Self {
        let namespace = Namespace::new();
        let name = namespace.name();
        side(router, port).host.run(&format!(
            "ip link add link {HOST} name port0 netns {name} type macvlan mode bridge"
        ));
        // An active querier sends a query each second, with a maximum response time of 0.1 s.
        namespace.run(&format!(
            "ip link add {HOST} type bridge forward_delay 0 mcast_snooping 1 mcast_mld_version 2 mcast_igmp_version 3 \
             mcast_query_interval 100 mcast_startup_query_interval 100 mcast_query_response_interval 10"
        ));
        namespace.run(&format!("sysctl -qw net.ipv6.conf.{HOST}.accept_ra=0"));
        // Duplicate address detection starts without a delay.
        namespace.run(&format!(
            "sysctl -qw net.ipv6.conf.{HOST}.router_solicitation_delay=0"
        ));
        namespace.run(&format!("ip link set port0 master {HOST}"));
        namespace.run("ip link set port0 type bridge_slave mcast_router 2");
        let addresses = if port == WAN {
            [
                format!("198.18.0.{number}"),
                format!("2001:db8:2::{number}"),
            ]
        } else {
            [format!("192.168.1.{number}"), format!("fd00:1::{number}")]
        };
        namespace.run(&format!("ip address add {}/24 dev {HOST}", addresses[0]));
        namespace.run(&format!(
            "ip address add {}/64 dev {HOST} nodad",
            addresses[1]
        ));
        for interface in ["port0", HOST] {
            namespace.run(&format!("ip link set {interface} up"));
        }
        Self {
            namespace,
            port,
            addresses,
        }
    }
}

/// A host behind the host of the LAN or the WAN, which forwards to a link with a small MTU.
pub struct Branch {
    pub namespace: Namespace,
    /// The interface of the router that leads to this host.
    pub port: &'static str,
    pub addresses: [IpAddr; 2],
}

impl Branch {
    fn new(router: &Router, port: &'static str) -> Self {
        let namespace = Namespace::new();
        let [net4, net6] = if port == WAN {
            ["198.18.77.", "2001:db8:77::"]
        } else {
            ["192.168.77.", "fd00:77::"]
        };
        let Side {
            host,
            host_addresses,
            ..
        } = side(router, port);
        host.run(&format!(
            "ip link add branch0 mtu {SMALL_MTU} type veth peer name {HOST} netns {}",
            namespace.name()
        ));
        for (place, interface, number) in [(host, "branch0", 1), (&namespace, HOST, 10)] {
            place.run(&format!("ip address add {net4}{number}/24 dev {interface}"));
            place.run(&format!(
                "ip address add {net6}{number}/64 dev {interface} nodad"
            ));
            place.run(&format!("ip link set {interface} up"));
            // Each trial needs ICMP errors, so rate limits are off.
            place.run("sysctl -qw net.ipv4.icmp_ratelimit=0");
            place.run("sysctl -qw net.ipv6.icmp.ratelimit=0");
        }
        for setting in ["ipv4.ip_forward", "ipv6.conf.all.forwarding"] {
            host.run(&format!("sysctl -qw net.{setting}=1"));
        }
        for (net, bits, gateway) in [
            (net4.to_owned() + "0", 24, host_addresses[0]),
            (net6.to_owned(), 64, host_addresses[1]),
        ] {
            router
                .router
                .run(&format!("ip route add {net}/{bits} via {gateway}"));
        }
        for net in [net4, net6] {
            namespace.run(&format!("ip route add default via {net}1"));
        }
        Self {
            namespace,
            port,
            addresses: [net4, net6].map(|net| format!("{net}10").parse().unwrap()),
        }
    }

    /// A branch behind each host.
    pub fn both(router: &Router) -> [Self; 2] {
        [WAN, LAN].map(|port| Self::new(router, port))
    }
}
