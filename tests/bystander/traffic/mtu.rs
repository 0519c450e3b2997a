//! Path MTU discovery: downloads to a client behind a link with a small MTU.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use support::net::Namespace;
use support::wait::PATIENCE;

use super::{Carried, Kind, Traffic};
use crate::hosts::{Branch, side};
use crate::router::{LAN, Router, WAN};

/// Bytes of a download: enough for long packets, and too few to fill the queues of other traffics.
const SIZE: usize = 200_000;

/// Servers on the hosts, and clients in the branches of the opposite hosts.
pub struct PathMtu {
    branches: Arc<[Branch; 2]>,
    /// Listeners for each branch, IPv4 and IPv6.
    listeners: [[TcpListener; 2]; 2],
}

impl PathMtu {
    pub fn new(router: &Router, branches: &Arc<[Branch; 2]>) -> Self {
        let listeners = [0, 1].map(|index| {
            let server = side(router, opposite(branches[index].port));
            server.host_addresses.map(|address| {
                server
                    .host
                    .enter(|| TcpListener::bind((address, 0)).unwrap())
            })
        });
        Self {
            branches: Arc::clone(branches),
            listeners,
        }
    }
}

impl Traffic for PathMtu {
    fn name(&self) -> &'static str {
        "path MTU discovery"
    }

    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        for (branch, listeners) in self.branches.iter().zip(&self.listeners) {
            let server = side(router, opposite(branch.port)).host;
            // Each run discovers the path MTU again.
            server.run("ip -4 route flush cache");
            server.run("ip -6 route flush cache");
            let before = errors(server);
            for listener in listeners {
                let failed = |error| format!("download behind {}: {error}", branch.port);
                let received = download(&branch.namespace, listener).map_err(failed)?;
                if received != SIZE {
                    return Err(format!("{received} bytes behind {}", branch.port));
                }
            }
            let after = errors(server);
            if before[0] == after[0] || before[1] == after[1] {
                return Err(format!("no errors: {before:?} {after:?}"));
            }
        }
        Ok(Carried {
            sent: 4,
            lost: 0,
            rate: None,
        })
    }
}

fn opposite(port: &str) -> &'static str {
    if port == WAN { LAN } else { WAN }
}

/// Number of ICMP errors that a host received: "destination unreachable", which includes "fragmentation needed", and
/// "packet too big".
fn errors(host: &Namespace) -> [u64; 2] {
    let read = |file, name| {
        let text = host.run(&format!("nstat -asz {file}"));
        let mut words = text.split_whitespace().skip_while(|word| *word != name);
        words.nth(1).and_then(|number| number.parse().ok()).unwrap()
    };
    ["IcmpInDestUnreachs", "Icmp6InPktTooBigs"].map(|name| read(name, name))
}

/// Number of bytes that a client receives.
fn download(client: &Namespace, listener: &TcpListener) -> std::io::Result<usize> {
    let address = listener.local_addr()?;
    let mut client = client.enter(|| TcpStream::connect_timeout(&address, PATIENCE / 2))?;
    client.set_read_timeout(Some(PATIENCE / 2))?;
    let (mut server, _) = listener.accept()?;
    thread::scope(|scope| {
        // The client detects a broken connection by the number of bytes.
        scope.spawn(move || server.write_all(&vec![0; SIZE]));
        client.read_to_end(&mut Vec::new())
    })
}
