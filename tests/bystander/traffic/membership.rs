//! MLD and IGMP: a switch behind each interface asks the router for its groups, and the router gets the reports of the
//! station at the switch.

use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

use nix::net::if_::if_nametoindex;
use support::net::{Namespace, Receiver};

use super::{Carried, Kind, Traffic, becomes};
use crate::hosts::Station;
use crate::router::{HOST, LAN, ROUTER_LAN, ROUTER_WAN, Router, WAN};

/// The router is in these groups: the first one is that of the solicitations for its own addresses.
const ROUTER_GROUP6: &str = "ff02::1:ff00:1";
const ROUTER_GROUP4: Ipv4Addr = Ipv4Addr::new(239, 255, 7, 1);
/// Groups of the station.
const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 7, 2);
const GROUP4: Ipv4Addr = Ipv4Addr::new(239, 255, 7, 2);
/// Places of the destination's last byte and of the next protocol in a frame, and their values in a report: to
/// ff02::16 behind a hop-by-hop header, and to 224.0.0.22.
const REPORT6: [(usize, u8); 2] = [(53, 0x16), (20, 0)];
const REPORT4: [(usize, u8); 2] = [(33, 22), (23, 2)];

/// A switch behind each interface.
pub struct Membership {
    is_ip6: bool,
    stations: [Station; 2],
    /// A member of the router's group.
    _member: UdpSocket,
}

impl Membership {
    pub fn mld(router: &Router) -> Self {
        Self::new(router, true)
    }

    pub fn igmp(router: &Router) -> Self {
        Self::new(router, false)
    }

    fn new(router: &Router, is_ip6: bool) -> Self {
        let number = if is_ip6 { 62 } else { 63 };
        let member = router.router.enter(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
        for [address, _] in [ROUTER_WAN, ROUTER_LAN] {
            let own = address.parse().unwrap();
            member.join_multicast_v4(&ROUTER_GROUP4, &own).unwrap();
        }
        Self {
            is_ip6,
            stations: [WAN, LAN].map(|port| Station::new(router, port, number)),
            _member: member,
        }
    }

    /// The switch forgets that the router is in a group, and asks.
    fn query(&self, switch: &Namespace) -> Result<(), String> {
        let group = if self.is_ip6 {
            ROUTER_GROUP6.to_owned()
        } else {
            ROUTER_GROUP4.to_string()
        };
        // Fails if there is none.
        switch.attempt(&format!(
            "bridge mdb del dev {HOST} port port0 grp {group}"
        ));
        for on in [0, 1] {
            switch.run(&format!("ip link set {HOST} type bridge mcast_querier {on}"));
        }
        becomes(&format!("the router reports {group}"), || {
            let said = switch.run(&format!("bridge mdb show dev {HOST}"));
            Ok(said.lines().any(|line| {
                line.contains("port port0") && line.contains(&format!("grp {group} "))
            }))
        })
    }

    /// The station joins a group, and the router gets its report.
    fn join(&self, router: &Router, station: &Station) -> Result<(), String> {
        let receiver = Receiver::new(&router.router, station.port);
        let joined = station.namespace.enter(|| {
            if self.is_ip6 {
                let socket = UdpSocket::bind("[::]:0")?;
                socket.join_multicast_v6(&GROUP6, if_nametoindex(HOST)?)?;
                Ok(socket)
            } else {
                let socket = UdpSocket::bind("0.0.0.0:0")?;
                let own = station.addresses[0].parse().unwrap();
                socket.join_multicast_v4(&GROUP4, &own)?;
                Ok::<_, std::io::Error>(socket)
            }
        });
        let _joined = joined.map_err(|error| format!("{}: {error}", station.port))?;
        let (marks, group) = if self.is_ip6 {
            (REPORT6, GROUP6.octets().to_vec())
        } else {
            (REPORT4, GROUP4.octets().to_vec())
        };
        becomes(&format!("{} gets the report", station.port), || {
            let is_report = |frame: Vec<u8>| {
                marks
                    .iter()
                    .all(|&(place, byte)| frame.get(place) == Some(&byte))
                    && frame.windows(group.len()).any(|part| part == group)
            };
            Ok(std::iter::from_fn(|| receiver.next()).any(is_report))
        })
    }
}

impl Traffic for Membership {
    fn name(&self) -> &'static str {
        if self.is_ip6 {
            "MLD with snooping"
        } else {
            "IGMP with snooping"
        }
    }

    fn kind(&self) -> Kind {
        if self.is_ip6 {
            Kind::Management
        } else {
            Kind::Other
        }
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        for station in &self.stations {
            self.query(&station.namespace)?;
            self.join(router, station)?;
        }
        Ok(Carried {
            sent: 2 * self.stations.len() as u64,
            lost: 0,
            rate: None,
        })
    }
}
