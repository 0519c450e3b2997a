//! The page in a real browser: a headless Chromium, and a daemon that filters real packets. Screenshots are written to
//! `target/screenshots/`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod axe;
mod banners;
mod chromium;
mod looks;
mod refreshed;

use std::fs;

use support::net::{Attached, Daemon, Map, Site};
use support::packets::frame;

/// Two programs, with entries and metrics like those of the shipped Corefiles.
const COREFILE: &str = ". {
  prometheus
  ebpf {
    elf ordered.o
    if edge0
    entry 0 action=ACL_PASS ip4_net=198.51.100.7 ip4_mask=255.255.255.255
    entry 1 action=ACL_DROP ip4_net=198.51.100.0 ip4_mask=255.255.255.0
    entry 2 action=ACL_PASS ip6_net=fe80:: ip6_mask=ffc0::
    entry 3 action=ACL_DROP ip6_net=2001:db8:bad:: ip6_mask=ffff:ffff:ffff::
    metric acl_trusted_packets     00000000 44 4 \"Packets passed from 198.51.100.7.\"
    metric acl_ip4_dropped_packets 01000000 44 4 \"Packets dropped from 198.51.100.0/24.\"
    metric acl_ip6_dropped_packets 03000000 44 4 \"Packets dropped from 2001:db8:bad::/48, <i>\\\"all\\\"</i> of them.\"
  }
  ebpf {
    elf hash.o
    if edge1
    map C6336401 0500000000000000
    metric first C6336401 0 8 \"Packets from 198.51.100.1.\"
  }
}
";

/// A site with two veth pairs, and a daemon that filters both.
fn start() -> (Site, Daemon) {
    let site = Site::new();
    site.add_wire("edge1", "cli1");
    // The MTU is too large for native mode of the driver.
    site.client.run("ip link set cli1 mtu 9000");
    site.server.run("ip link set edge1 mtu 9000");
    site.folder.shipped("ordered");
    site.folder.fixture("hash");
    let daemon = site.run(COREFILE).attached(2);
    (site, daemon)
}

/// Key of the second filter's only entry, a 64-bit counter.
const KEY: &str = "c6 33 64 01";

/// The map of the second filter.
fn second_map(site: &Site) -> Map {
    let attached = Attached::on(&site.server, "edge1");
    attached.expect("a program is attached").map("xdp_map")
}

/// The row of a verdict or metric by a part of its name, as an expression.
fn row(name: &str) -> String {
    format!(
        "[...document.querySelectorAll('tbody tr')].find((row) => row.cells[0].textContent.includes('{name}'))"
    )
}

/// The cell of the drop counter in the column `at`.
fn cell(at: u8) -> String {
    format!("{}.cells[{at}]", row("acl_ip4_dropped"))
}

/// The name of the box.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    name.trim().to_owned()
}

/// Sends packets that the first filter drops.
fn flood(site: &Site, packets: u32) {
    let packet = frame::ip4("198.51.100.66").udp(53).bytes;
    site.sender().send(&packet, packets);
}
