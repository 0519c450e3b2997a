//! Proofs of sources by their TCP connections, with the kernel's own TCP over a veth pair.

mod connections;
mod forged;
mod handshakes;
mod namespaces;

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket, sockopt,
};

use support::net::{CLIENT, Daemon, SERVER, Site};
use support::packets::message::query;
use support::wait::wait_until;

const PROGRAMS: [&str; 3] = ["dns", "guard", "limit"];

const SERVER4: &str = "192.0.2.53";
const SERVER6: &str = "2001:db8::53";

/// Addresses of [`CLIENT`].
const CLIENTS: [&str; 6] = [
    "192.0.2.1/24",
    "192.0.2.2/24",
    "192.0.2.3/24",
    "2001:db8::1/64",
    "2001:db8::2/64",
    "2001:db8:0:1::1/64",
];

/// The metrics of every program.
const COUNTED: [&str; 4] = ["passed", "proofs", "lookups_limited", "other"];
/// The metrics of programs that limit sources.
const OF_SOURCES: [&str; 3] = ["proven", "syns_limited", "new_sources"];

/// A server behind a filter, and its clients.
struct Stage {
    site: Site,
    daemon: Daemon,
    /// Address of the server's interface.
    mac: [u8; 6],
    /// Receives the queries that pass.
    udp: UdpSocket,
    /// Metric of the queries over the rate.
    over: &'static str,
    /// Metric of the TCP segments that pass, and of other packets.
    segments: &'static str,
}

/// Outcome of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Passed,
    /// Over the rate: dropped, or answered by the program.
    Over,
}

use Fate::{Over, Passed};

/// A site whose ends have addresses.
fn site() -> Site {
    let site = Site::new();
    for address in [SERVER4.to_owned() + "/24", SERVER6.to_owned() + "/64"] {
        add_address(&site.server, SERVER, &address);
    }
    for address in CLIENTS {
        add_address(&site.client, CLIENT, address);
    }
    site
}

fn add_address(namespace: &support::net::Namespace, interface: &str, address: &str) {
    let nodad = if address.contains(':') { " nodad" } else { "" };
    namespace.run(&format!("ip address add {address} dev {interface}{nodad}"));
}

/// A filter under which no unproven source has a token.
fn corefile(program: &str, settings: &str) -> String {
    let (entries, over) = match program {
        "dns" => (
            format!(
                "entry @settings 0 rate=1 new_rate=1 {settings}\n\
                 entry @pools 0 sources.full=9000000000000000000"
            ),
            "truncated",
        ),
        "guard" => (
            format!(
                "entry @settings 0 truncate=true {settings}\n\
                 entry @limits ::/0 rate=1 bucket.full=9000000000000000000"
            ),
            "truncated",
        ),
        "qname" => (
            format!(
                "entry @settings 0 prove=true {settings}\n\
                 entry example action=QNAME_LIMIT rate=1 bucket.full=9000000000000000000"
            ),
            "truncated",
        ),
        _ => (
            format!(
                "entry @settings 0 scope=SCOPE_DNS {settings}\n\
                 entry ::/0 rate=1 bucket.full=9000000000000000000"
            ),
            "dropped",
        ),
    };
    let of_sources = OF_SOURCES.iter().filter(|_| program != "qname");
    let counters = COUNTED
        .iter()
        .chain(of_sources)
        .chain([&over])
        .map(|name| format!("counter {name}_total @totals 0 {name} \"Packets.\"\n"));
    let counters: String = counters.collect();
    // In native mode, packets that a program sends back need a program at the other end of the veth.
    let mode = if program == "limit" {
        "native"
    } else {
        "generic"
    };
    format!(
        ". {{\nprometheus\nebpf {{\nelf {program}.o\nif {SERVER}\nmode {mode}\n\
         {entries}\n{counters}}}\n}}\n"
    )
}

impl Stage {
    fn new(program: &str, settings: &str) -> Self {
        let site = site();
        site.folder.shipped(program);
        let daemon = site.run(&corefile(program, settings)).attached(1);
        let udp = site.server.enter(|| UdpSocket::bind("[::]:53").unwrap());
        udp.set_nonblocking(true).unwrap();
        Self {
            mac: mac(&site),
            site,
            daemon,
            udp,
            over: if program == "limit" {
                "dropped"
            } else {
                "truncated"
            },
            segments: match program {
                "dns" | "qname" => "other",
                _ => "passed",
            },
        }
    }

    /// Opens a listener in the server's namespace.
    fn listen(&self, address: &str) -> TcpListener {
        let address = SocketAddr::new(address.parse().unwrap(), 53);
        self.site
            .server
            .enter(|| TcpListener::bind(address).unwrap())
    }

    /// Connects from an address of the client.
    fn connect(&self, source: &str) -> TcpStream {
        let server = server_of(source);
        self.site.client.enter(|| connect_from(source, server))
    }

    /// Connects, and waits until the server has the connection: the filter has seen the handshake.
    fn accepted(&self, listener: &TcpListener, source: &str) -> [TcpStream; 2] {
        let client = self.connect(source);
        let (server, _) = listener.accept().unwrap();
        [client, server]
    }

    /// Proves a source, and returns its connection.
    fn prove(&self, listener: &TcpListener, source: &str) -> [TcpStream; 2] {
        let before = self.number("proofs");
        let [mut client, server] = self.accepted(listener, source);
        client.write_all(b"x").unwrap();
        self.becomes("proofs", before + 1);
        [client, server]
    }

    fn number(&self, name: &str) -> u64 {
        let page = self.site.get("/metrics");
        let number = page.metric(&metric(name));
        number.unwrap().parse().unwrap()
    }

    fn becomes(&self, name: &str, value: u64) {
        self.site.metric_becomes(&metric(name), value);
    }

    /// Sends segments, and waits until the filter has seen as many packets.
    fn segments(&self, count: u64, mut send: impl FnMut(u64)) {
        let last = self.number(self.segments) + count;
        for number in 0..count {
            send(number);
        }
        wait_until(&format!("{} is at least {last}", self.segments), || {
            let seen = self.number(self.segments);
            if seen < last { Err(seen) } else { Ok(()) }
        });
    }

    /// Sends segments of a connection. The kernel would join segments that wait for an acknowledgement.
    fn write(&self, client: &mut TcpStream, count: u32) {
        for _ in 0..count {
            self.segments(1, |_| client.write_all(b"x").unwrap());
        }
    }

    /// Sends a query over UDP from an address of the client.
    fn send_query(&self, source: &str) {
        let server = SocketAddr::new(server_of(source), 53);
        let source = SocketAddr::new(source.parse().unwrap(), 0);
        self.site.client.enter(|| {
            let client = UdpSocket::bind(source).unwrap();
            let message = query("www.example", 1).bytes;
            client.send_to(&message, server).unwrap();
        });
    }

    /// True if the server has received a query since the last look.
    fn has_query(&self) -> bool {
        self.udp.recv(&mut [0; 512]).is_ok()
    }

    /// Sends a query over UDP from an address of the client.
    fn ask(&self, source: &str) -> Fate {
        let before = self.number(self.over);
        self.send_query(source);
        wait_until("the query passes or is over the rate", || {
            if self.has_query() {
                return Some(Passed);
            }
            (self.number(self.over) > before).then_some(Over)
        })
    }

    fn stop(self) {
        self.daemon.stop();
    }
}

/// The address of the server's interface.
fn mac(site: &Site) -> [u8; 6] {
    let shown = site.server.run(&format!("ip -o link show dev {SERVER}"));
    let (_, address) = shown.split_once("link/ether ").unwrap();
    let bytes = address[..17].split(':');
    let bytes: Vec<_> = bytes
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    bytes.try_into().unwrap()
}

/// The name of a counter on the page.
fn metric(counter: &str) -> String {
    format!("coredns_ebpf_{counter}_total")
}

/// The server's address of the source's family.
fn server_of(source: &str) -> IpAddr {
    let server = if source.contains(':') {
        SERVER6
    } else {
        SERVER4
    };
    server.parse().unwrap()
}

/// Connects in the network namespace of the calling thread. Each write is a segment of its own.
fn connect_from(source: &str, server: IpAddr) -> TcpStream {
    let family = if server.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    setsockopt(&socket, sockopt::TcpNoDelay, &true).unwrap();
    let source = SocketAddr::new(source.parse().unwrap(), 0);
    bind(socket.as_raw_fd(), &SockaddrStorage::from(source)).unwrap();
    let server = SockaddrStorage::from(SocketAddr::new(server, 53));
    connect(socket.as_raw_fd(), &server).unwrap();
    TcpStream::from(socket)
}
