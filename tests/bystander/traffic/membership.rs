//! MLD and IGMP: a switch behind each interface queries the router for its groups, and the router receives the reports of
//! the station behind the switch.

use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::net::if_::if_nametoindex;
use support::net::{Namespace, Receiver, Sender};

use super::{Carried, Kind, Traffic, poll_until};
use crate::hosts::Station;
use crate::router::{HOST, LAN, ROUTER_LAN, ROUTER_WAN, Router, WAN};

/// Groups of the router: the solicited-node group of its addresses, and an IPv4 group that the router joins.
const ROUTER_GROUP6: &str = "ff02::1:ff00:1";
const ROUTER_GROUP4: Ipv4Addr = Ipv4Addr::new(239, 255, 7, 1);
/// Number of reports of a host that joins a group (RFC 3376 section 8.1, RFC 3810 section 9.1).
const REPORTS: u64 = 2;
/// Time limit for the reports. The second report follows the first within a second.
const LIMIT: Duration = Duration::from_secs(5);
/// Offsets and values of two bytes of a report: the last byte of the destination, and the next protocol. MLD reports go to
/// `ff02::16` with a hop-by-hop header, IGMP reports to 224.0.0.22.
const REPORT6: [(usize, u8); 2] = [(53, 0x16), (20, 0)];
const REPORT4: [(usize, u8); 2] = [(33, 22), (23, 2)];
/// `MLDv2` query (RFC 3810 section 5.1) from `fe80::1` to `ff02::1`, with hop limit 1 and a router alert, for all groups.
/// The maximum response delay is 100 ms.
const QUERY6: &[u8] = b"\x33\x33\0\0\0\x01\x02\0\0\0\0\x07\x86\xdd\
    \x60\0\0\0\0\x24\0\x01\
    \xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\
    \xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\
    \x3a\0\x05\x02\0\0\x01\0\
    \x82\0\x7d\x42\0\x64\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \x02\x7d\0\0";

/// MLD or IGMP with a station and its switch behind each interface.
pub struct Membership {
    is_ip6: bool,
    stations: [Station; 2],
    /// Sockets that keep their groups joined: a report about leaving would arrive during the next run.
    members: Mutex<Vec<UdpSocket>>,
}

impl Membership {
    /// MLD without IGMP: the test sends the queries.
    pub fn mld(router: &Router) -> Self {
        Self::new(router, true)
    }

    /// IGMP and MLD: the switch sends the queries of both.
    pub fn igmp(router: &Router) -> Self {
        let member = router
            .router
            .enter(|| UdpSocket::bind("0.0.0.0:0"))
            .unwrap();
        for [address, _] in [ROUTER_WAN, ROUTER_LAN] {
            let own = address.parse().unwrap();
            member.join_multicast_v4(&ROUTER_GROUP4, &own).unwrap();
        }
        let igmp = Self::new(router, false);
        igmp.members.lock().unwrap().push(member);
        igmp
    }

    fn new(router: &Router, is_ip6: bool) -> Self {
        let number = if is_ip6 { 62 } else { 63 };
        Self {
            is_ip6,
            stations: [WAN, LAN].map(|port| Station::new(router, port, number)),
            members: Mutex::new(Vec::new()),
        }
    }

    /// Deletes a group of the router from the switch, sends a query, and waits until the switch learns the group again.
    fn query(&self, switch: &Namespace) -> Result<(), String> {
        let group = if self.is_ip6 {
            ROUTER_GROUP6.to_owned()
        } else {
            ROUTER_GROUP4.to_string()
        };
        // The command fails if the switch has no such entry.
        switch.attempt(&format!("bridge mdb del dev {HOST} port port0 grp {group}"));
        if self.is_ip6 {
            Sender::new(switch, HOST).send(QUERY6, 1);
        } else {
            switch.run(&format!("ip link set {HOST} type bridge mcast_querier 1"));
        }
        let reported = poll_until(&format!("the router reports {group}"), || {
            let output = switch.run(&format!("bridge mdb show dev {HOST}"));
            Ok(output
                .lines()
                .any(|line| line.contains("port port0") && line.contains(&format!("grp {group} "))))
        });
        switch.run(&format!("ip link set {HOST} type bridge mcast_querier 0"));
        reported
    }

    /// Lets the station join a group, and returns the number of reports that the router received.
    fn join(&self, router: &Router, station: &Station) -> u64 {
        let receiver = Receiver::new(&router.router, station.port);
        let mut members = self.members.lock().unwrap();
        // Each run joins another group.
        let [high, low] = u16::try_from(members.len()).unwrap().to_be_bytes();
        let (marks, group) = if self.is_ip6 {
            let group = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 7, u16::from_be_bytes([high, low]));
            members.push(station.namespace.enter(|| join6(group)));
            (REPORT6, group.octets().to_vec())
        } else {
            let group = Ipv4Addr::new(239, 254, high, low);
            let own = station.addresses[0].parse().unwrap();
            members.push(station.namespace.enter(|| join4(group, own)));
            (REPORT4, group.octets().to_vec())
        };
        drop(members);
        let is_report = |frame: &Vec<u8>| {
            let has = |&(place, byte): &(usize, u8)| frame.get(place) == Some(&byte);
            marks.iter().all(has) && frame.windows(group.len()).any(|part| part == group)
        };
        let (mut reports, end) = (0, Instant::now() + LIMIT);
        while reports < REPORTS && Instant::now() < end {
            sleep(Duration::from_millis(20));
            let new = std::iter::from_fn(|| receiver.next()).filter(is_report);
            reports += new.count() as u64;
        }
        reports
    }
}

fn join6(group: Ipv6Addr) -> UdpSocket {
    let socket = UdpSocket::bind("[::]:0").unwrap();
    let interface = if_nametoindex(HOST).unwrap();
    socket.join_multicast_v6(&group, interface).unwrap();
    socket
}

fn join4(group: Ipv4Addr, own: Ipv4Addr) -> UdpSocket {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.join_multicast_v4(&group, &own).unwrap();
    socket
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
        Kind::Management
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        let mut carried = Carried {
            sent: 0,
            lost: 0,
            rate: None,
        };
        for station in &self.stations {
            self.query(&station.namespace)?;
            carried.sent += 1 + REPORTS;
            carried.lost += REPORTS.saturating_sub(self.join(router, station));
        }
        Ok(carried)
    }
}
