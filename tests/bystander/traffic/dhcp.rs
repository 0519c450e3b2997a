//! DHCP, `DHCPv6` and router discovery: dnsmasq serves the LAN on the router, and the router and a branch of the LAN in the
//! WAN. The host of the LAN is the relay agent of its branch.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use support::net::Namespace;
use support::wait::wait_until;

use super::{Carried, Kind, Traffic};
use crate::hosts::{Branch, Station};
use crate::router::{HOST, LAN, Router, Server, WAN, WAN_HOST, ask, start};

const COMMON: &str = "keep-in-foreground
user=root
group=root
pid-file
port=0
no-resolv
no-hosts
";
/// dnsmasq answers at once, and also answers renewals of unknown clients.
const SERVER: &str = "no-ping
dhcp-authoritative
enable-ra
";

/// The addresses that the servers lease.
const TO_LAN: [&str; 2] = ["192.168.1.", "fd00:1::1"];
const TO_WAN: [&str; 2] = ["198.18.0.", "2001:db8:2::1"];
const TO_BRANCH: [&str; 2] = ["192.168.77.", "fd00:77::1"];

/// Prints the addresses of a lease and sets no address. Kills dhclient, which would renew a lease of `DHCPv6` forever.
const SCRIPT: &str = "#!/bin/sh
[ \"$1\" != bound ] || echo \"lease $ip\"
[ \"$reason\" != BOUND6 ] || { echo \"lease $new_ip6_address\"; kill $PPID; }
";

pub struct Dhcp {
    station: Station,
    branches: Arc<[Branch; 2]>,
    _servers: [Server; 3],
}

impl Dhcp {
    pub fn new(router: &Router, branches: &Arc<[Branch; 2]>) -> Self {
        for host in [&router.lan, &router.wan] {
            host.run(&format!("sysctl -qw net.ipv6.conf.{HOST}.accept_ra=0"));
        }
        router.folder.write("dhcp/script", SCRIPT);
        fs::set_permissions(
            router.folder.file("dhcp/script"),
            Permissions::from_mode(0o755),
        )
        .unwrap();
        let relay = format!(
            "dhcp-relay=192.168.77.1,{}\ndhcp-relay=fd00:77::1,{}\n",
            WAN_HOST[0], WAN_HOST[1]
        );
        let on_router = serve(router, LAN, &[TO_LAN]);
        let in_wan = serve(router, HOST, &[TO_WAN, TO_BRANCH]);
        let servers = [
            start_dnsmasq(router, &router.router, "router", &on_router),
            start_dnsmasq(router, &router.wan, "wan", &in_wan),
            start_dnsmasq(router, &router.lan, "relay", &relay),
        ];
        let dhcp = Self {
            station: Station::new(router, LAN, 60),
            branches: Arc::clone(branches),
            _servers: servers,
        };
        wait_until("the DHCP servers answer", || dhcp.run(router));
        dhcp
    }
}

/// Configuration lines of the networks whose addresses a server leases.
fn serve(router: &Router, interface: &str, networks: &[[&str; 2]]) -> String {
    let leases = router.folder.file(&format!("dhcp/{interface}.leases"));
    let mut text = format!(
        "{SERVER}interface={interface}\ndhcp-leasefile={}\n",
        leases.display()
    );
    for [net4, net6] in networks {
        text += &[
            format!("dhcp-range={net4}100,{net4}199,255.255.255.0,1h\n"),
            format!("dhcp-range={net6}000,{net6}fff,64,1h\n"),
        ]
        .concat();
    }
    text
}

fn start_dnsmasq(router: &Router, place: &Namespace, name: &str, conf: &str) -> Server {
    let file = format!("dhcp/{name}.conf");
    router.folder.write(&file, &format!("{COMMON}{conf}"));
    start(
        place,
        Command::new("dnsmasq")
            .arg("-C")
            .arg(router.folder.file(&file)),
    )
}

impl Traffic for Dhcp {
    fn name(&self) -> &'static str {
        "DHCP, DHCPv6, router discovery"
    }

    fn kind(&self) -> Kind {
        Kind::Management
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        let station = &self.station.namespace;
        let branch = self.branches.iter().find(|one| one.port == LAN).unwrap();
        let branch = &branch.namespace;
        let own = &router.router;
        let acts: Vec<Box<dyn Fn() -> Result<(), String> + Send + Sync>> = vec![
            Box::new(|| {
                lease(router, station, HOST, "", TO_LAN[0])?;
                lease(router, station, HOST, "-B", TO_LAN[0])
            }),
            Box::new(|| lease(router, own, WAN, "", TO_WAN[0])),
            Box::new(|| lease(router, branch, HOST, "", TO_BRANCH[0])),
            Box::new(|| lease6(router, station, HOST, TO_LAN[1])),
            Box::new(|| lease6(router, own, WAN, TO_WAN[1])),
            Box::new(|| lease6(router, branch, HOST, TO_BRANCH[1])),
            Box::new(|| discover_router(station, HOST, "fd00:1::/64")),
            Box::new(|| discover_router(own, WAN, "2001:db8:2::/64")),
        ];
        thread::scope(|scope| {
            let started: Vec<_> = acts.iter().map(|act| scope.spawn(act)).collect();
            let mut ends = started.into_iter().map(|one| one.join().unwrap());
            ends.try_for_each(|end| end)
        })?;
        Ok(Carried {
            sent: acts.len() as u64 + 1,
            lost: 0,
            rate: None,
        })
    }
}

/// Gets a lease for an IPv4 address. `-B` requests answers by broadcast.
fn lease(
    router: &Router,
    place: &Namespace,
    interface: &str,
    option: &str,
    network: &str,
) -> Result<(), String> {
    let script = router.folder.file("dhcp/script");
    let output = ask(
        place,
        &format!(
            "busybox udhcpc -f -q -n -t 10 -T 1 -i {interface} -s {} {option}",
            script.display()
        ),
    )?;
    leased(&output, network)
}

/// Gets a lease for an IPv6 address, each time as a new client.
fn lease6(
    router: &Router,
    place: &Namespace,
    interface: &str,
    network: &str,
) -> Result<(), String> {
    let path = |end| router.folder.file(&format!("dhcp/{}.{end}", place.name()));
    let (leases, pid) = (path("leases"), path("pid"));
    let _ = fs::remove_file(&leases);
    let line = format!(
        "timeout 30 dhclient -6 -1 -d -q -cf /dev/null -lf {} -pf {} -sf {} {interface}",
        leases.display(),
        pid.display(),
        router.folder.file("dhcp/script").display()
    );
    let output = place.attempt(&line);
    leased(&String::from_utf8_lossy(&output.stdout), network)
        .map_err(|error| format!("{error} {}", String::from_utf8_lossy(&output.stderr)))
}

fn leased(output: &str, network: &str) -> Result<(), String> {
    if output.contains(&format!("lease {network}")) {
        Ok(())
    } else {
        Err(format!("no lease of {network}: {output}"))
    }
}

/// Sends a router solicitation, which a router must answer with its prefix.
fn discover_router(place: &Namespace, interface: &str, prefix: &str) -> Result<(), String> {
    let output = ask(place, &format!("rdisc6 -1 -r 5 -w 2000 {interface}"))?;
    if output.contains(prefix) {
        Ok(())
    } else {
        Err(output)
    }
}
