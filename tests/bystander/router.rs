//! A router between a LAN and a WAN: three network namespaces, two veth pairs, both address families.
//!
//! The hosts send frames of at most 1514 bytes (no TSO), as on an Ethernet wire. The router merges received TCP segments
//! (GRO), as a router with a network card does.

use std::process::{Child, Command, Stdio};

use support::net::{Attached, Corexdp, Daemon, Folder, Namespace, finish};

/// The router's interfaces.
pub const WAN: &str = "wan0";
pub const LAN: &str = "lan0";
/// The interface of each host.
pub const HOST: &str = "host0";

/// IPv4 and IPv6 addresses of the router and of the host at each interface. The lists of the shipped Corefiles do not
/// contain them.
pub const ROUTER_LAN: [&str; 2] = ["192.168.1.1", "fd00:1::1"];
pub const LAN_HOST: [&str; 2] = ["192.168.1.10", "fd00:1::10"];
pub const ROUTER_WAN: [&str; 2] = ["198.18.0.1", "2001:db8:2::1"];
pub const WAN_HOST: [&str; 2] = ["198.18.0.10", "2001:db8:2::10"];
/// A second address of the WAN host.
pub const WAN_OTHER: [&str; 2] = ["198.18.0.11", "2001:db8:2::11"];

/// The namespaces, and a folder for the files of the servers. Dropping the router removes the namespaces and the folder.
#[expect(
    clippy::struct_field_names,
    reason = "a router, its LAN and its WAN have no better names"
)]
pub struct Router {
    pub folder: Folder,
    pub router: Namespace,
    pub lan: Namespace,
    pub wan: Namespace,
}

impl Router {
    pub fn new() -> Self {
        let router = Self {
            folder: Folder::new(),
            router: Namespace::new(),
            lan: Namespace::new(),
            wan: Namespace::new(),
        };
        for setting in ["ipv4.ip_forward", "ipv6.conf.all.forwarding"] {
            router.router.run(&format!("sysctl -qw net.{setting}=1"));
        }
        router.connect(&router.lan, LAN, &ROUTER_LAN, &[LAN_HOST]);
        router.connect(&router.wan, WAN, &ROUTER_WAN, &[WAN_HOST, WAN_OTHER]);
        router
    }

    /// Connects a host to the router, which is its default gateway.
    fn connect(&self, host: &Namespace, port: &str, gateway: &[&str; 2], own: &[[&str; 2]]) {
        let name = host.name();
        self.router.run(&format!(
            "ip link add {port} type veth peer name {HOST} netns {name}"
        ));
        add_addresses(&self.router, port, gateway);
        for addresses in own {
            add_addresses(host, HOST, addresses);
        }
        self.router.run(&format!("ethtool -K {port} gro on"));
        host.run(&format!("ethtool -K {HOST} tso off gso off"));
        self.router.run(&format!("ip link set {port} up"));
        host.run(&format!("ip link set {HOST} up"));
        for address in gateway {
            host.run(&format!("ip route add default via {address}"));
        }
    }

    /// Starts `corexdp run` on the router with this Corefile, and waits until the filter is attached.
    pub fn filter(&self, corefile: &str) -> Daemon {
        self.folder.write("Corefile", corefile);
        let mut command = Corexdp::command(self.folder.path(), &["run", "--log", "stderr"]);
        command.args(["--control", "control"]);
        let daemon = self.router.enter(|| Daemon::spawn(&mut command));
        daemon.attached(1)
    }

    /// The program at an interface of the router.
    pub fn attached(&self, interface: &str) -> Attached {
        Attached::on(&self.router, interface).expect("a program is attached")
    }
}

fn add_addresses(namespace: &Namespace, interface: &str, addresses: &[&str; 2]) {
    let [ip4, ip6] = addresses;
    namespace.run(&format!("ip address add {ip4}/24 dev {interface}"));
    namespace.run(&format!("ip address add {ip6}/64 dev {interface} nodad"));
}

/// A server process, which is killed on drop.
pub struct Server(Child);

/// Starts a server in a namespace, and discards its output.
pub fn start(namespace: &Namespace, command: &mut Command) -> Server {
    command.stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = namespace.enter(|| command.spawn());
    Server(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

/// Runs a client, whose arguments contain no white space, and returns its output.
///
/// # Errors
/// When the client fails.
pub fn ask(namespace: &Namespace, line: &str) -> Result<String, String> {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    let outcome = namespace.enter(|| finish(&mut command));
    if outcome.code == Some(0) {
        Ok(outcome.stdout)
    } else {
        Err(format!("{line}: {outcome:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
