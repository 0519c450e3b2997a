//! A DNS server behind a veth pair, and its clients.
//!
//! The server and the clients have one CPU each. knotd, the filter and the kernel's work for packets to the server run
//! on the first; the clients, the flood and the kernel's work for packets to them run on the second. So no sender pays
//! for the filter.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::process::finish;
use super::site::Site;
use support::net::{Namespace, Sender};
use support::objects::compile::compile;
use support::wait::wait_until;

const SERVER_CPU: usize = 1;
pub(crate) const OUTSIDE_CPU: usize = 0;
/// The pipe for lines `INTERFACE CPU`; see tests/bench.sh.
const PINS: &str = "/proc/self/fd/3";
const ADDRESS: &str = "192.0.2.53";

/// A server in the network namespace of this process, and a client in another.
pub(crate) struct Served {
    client: Namespace,
    knotd: Child,
    /// The server's interface; `outside` is the client's.
    pub(crate) interface: String,
    outside: String,
}

/// Results of dnsperf.
pub(crate) struct Answers {
    pub(crate) count: f64,
    /// The fraction of queries without a response.
    pub(crate) lost: f64,
    /// Mean seconds from a query to its response.
    pub(crate) latency: f64,
}

impl Served {
    pub(crate) fn start(site: &Site) -> Self {
        let name = std::env::var("COREXDP_BENCH_WIRE").unwrap();
        let (interface, outside) = (format!("{name}s"), format!("{name}c"));
        let client = Namespace::new();
        lay_wire(site, &client, &interface, &outside);
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo");
        let place = site.file("knot");
        fs::create_dir_all(&place).unwrap();
        let conf = fs::read_to_string(demo.join("knot.conf")).unwrap();
        let conf = conf.replace("@DIR@", place.to_str().unwrap());
        fs::write(place.join("knot.conf"), conf).unwrap();
        fs::copy(demo.join("example.zone"), place.join("example.zone")).unwrap();
        site.write("questions", "www.example A\n");
        let mut knotd = on(SERVER_CPU);
        knotd.args(["knotd", "-c"]);
        knotd.arg(place.join("knot.conf"));
        knotd.stdout(Stdio::null()).stderr(Stdio::null());
        let served = Self {
            client,
            knotd: knotd.spawn().expect("nice (coreutils) runs"),
            interface,
            outside,
        };
        wait_until("knotd answers", || {
            let answers = served.ask(site, &["-n", "1", "-t", "1"]);
            (answers.lost == 0.0).then_some(())
        });
        served
    }

    /// A sender of frames from outside that belong to no client.
    pub(crate) fn sender(&self) -> Sender {
        Sender::new(&self.client, &self.outside)
    }

    /// Adds addresses of clients, each with its /16.
    pub(crate) fn add_clients(&self, addresses: impl Iterator<Item = Ipv4Addr>) {
        for address in addresses {
            let outside = &self.outside;
            self.client
                .run(&format!("ip address add {address}/16 dev {outside}"));
        }
    }

    /// Does something in the namespace of the clients.
    pub(crate) fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        self.client.enter(act)
    }

    /// Runs dnsperf in the namespace of the client.
    pub(crate) fn ask(&self, site: &Site, how: &[&str]) -> Answers {
        let mut dnsperf = on(OUTSIDE_CPU);
        dnsperf.args(["dnsperf", "-e"]);
        dnsperf
            .args(["-s", ADDRESS, "-d"])
            .arg(site.file("questions"));
        dnsperf.args(how).stdin(Stdio::null());
        let output = self.client.enter(|| dnsperf.output()).unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{report}");
        let number = |what: &str| -> f64 {
            let line = report
                .lines()
                .find_map(|line| line.trim().strip_prefix(what));
            let word = line.and_then(|line| line.split_whitespace().next());
            let word = word.unwrap_or_else(|| panic!("no {what} {report}"));
            word.parse().unwrap()
        };
        Answers {
            count: number("Queries completed:"),
            lost: number("Queries lost:") / number("Queries sent:"),
            latency: number("Average Latency (s):"),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.knotd.kill();
        let _ = self.knotd.wait();
        let _ = Command::new("ip")
            .args(["link", "del", &self.interface])
            .status();
    }
}

/// A command that runs on this CPU, with a higher priority than other processes.
fn on(cpu: usize) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "-10", "taskset", "-c", &cpu.to_string()]);
    command
}

/// Creates the veth pair with its addresses. Each end receives on its own CPU.
fn lay_wire(site: &Site, client: &Namespace, server: &str, outside: &str) {
    let ip = |line: &str| finish(Command::new("ip").args(line.split(' ')));
    // The destination address of all frames of `support::packets::frame`.
    let hardware = "address 02:00:00:00:00:01 type veth";
    let other = client.name();
    ip(&format!(
        "link add {server} {hardware} peer name {outside} netns {other}"
    ));
    ip(&format!("address add {ADDRESS}/24 dev {server}"));
    ip(&format!("link set {server} up"));
    client.run(&format!("ip address add 192.0.2.10/24 dev {outside}"));
    client.run(&format!("ip link set {outside} up"));
    // Responses to forged sources are sent too, as by any server.
    ip("route add default via 192.0.2.10");
    // In native mode a veth interface receives XDP_TX frames only if it has an XDP program too.
    let pass = compile("pass", &site.file("knot"));
    let pass = pass.display();
    client.run(&format!(
        "ip link set {outside} xdp object {pass} section xdp"
    ));
    let here = Command::new("sh");
    take_on(SERVER_CPU, server, here, site);
    let mut there = Command::new("ip");
    // `ip netns exec` mounts the sysfs of that namespace.
    there.args(["netns", "exec", other, "sh"]);
    take_on(OUTSIDE_CPU, outside, there, site);
}

/// Makes a kernel thread on this CPU receive at the interface, instead of the CPU of the sender. A veth interface
/// without an XDP program has such a thread only without TCP segmentation offload of the sender.
fn take_on(cpu: usize, interface: &str, mut shell: Command, site: &Site) {
    let threaded = format!("/sys/class/net/{interface}/threaded");
    let lines = format!("ethtool -K {interface} gro on tso off && echo 1 >{threaded}");
    finish(shell.args(["-c", &lines]));
    fs::write(PINS, format!("{interface} {cpu}\n")).expect("tests/bench.sh reads the pipe");
    let pinned = site.file(&format!("pinned-{interface}"));
    wait_until("the interface's thread is pinned", || {
        pinned.exists().then_some(())
    });
}
