//! TCP at full speed: through the router in both directions, to the router, and from the router.

use std::io::{ErrorKind, Read, Result as IoResult, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use support::net::Namespace;
use support::wait::PATIENCE;

use super::{Carried, Kind, Traffic};
use crate::router::{LAN, LAN_HOST, ROUTER_LAN, ROUTER_WAN, Router, WAN, WAN_HOST};

/// Bytes of a transfer through the router ([`LONG`]), and of a transfer to or from the router ([`SHORT`]).
const LONG: usize = 200_000_000;
const SHORT: usize = LONG / 2;
const CHUNK: usize = 1 << 16;
/// Bytes of a full segment over IPv4, with timestamps.
const SEGMENT: usize = 1448;

/// A transfer from a server to a client at full speed.
pub struct Transfer {
    name: &'static str,
    /// Bytes.
    size: usize,
    interfaces: &'static [&'static str],
    listener: TcpListener,
    client: fn(&Router) -> &Namespace,
}

/// All transfers. Half of them use IPv4, half IPv6.
pub fn all(router: &Router) -> Vec<Transfer> {
    let transfer = |name, size, interfaces, (host, address): (&Namespace, &str), client| Transfer {
        name,
        size,
        interfaces,
        listener: host.enter(|| TcpListener::bind((address, 0)).unwrap()),
        client,
    };
    let Router { lan, wan, .. } = router;
    let own = &router.router;
    let both: &[_] = &[WAN, LAN];
    vec![
        transfer(
            "TCP download of 200 MB",
            LONG,
            both,
            (wan, WAN_HOST[0]),
            |router| &router.lan,
        ),
        transfer(
            "TCP upload of 200 MB",
            LONG,
            both,
            (lan, LAN_HOST[1]),
            |router| &router.wan,
        ),
        transfer(
            "TCP 100 MB, WAN to router",
            SHORT,
            &[WAN],
            (wan, WAN_HOST[1]),
            |router| &router.router,
        ),
        transfer(
            "TCP 100 MB, router to WAN",
            SHORT,
            &[WAN],
            (own, ROUTER_WAN[0]),
            |router| &router.wan,
        ),
        transfer(
            "TCP 100 MB, LAN to router",
            SHORT,
            &[LAN],
            (lan, LAN_HOST[0]),
            |router| &router.router,
        ),
        transfer(
            "TCP 100 MB, router to LAN",
            SHORT,
            &[LAN],
            (own, ROUTER_LAN[1]),
            |router| &router.lan,
        ),
    ]
}

impl Traffic for Transfer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn interfaces(&self) -> &'static [&'static str] {
        self.interfaces
    }

    fn has_rate(&self) -> bool {
        true
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        let address = self.listener.local_addr().unwrap();
        let failed = |error| format!("{address}: {error}");
        let connect = || TcpStream::connect_timeout(&address, PATIENCE);
        let client = (self.client)(router).enter(connect).map_err(failed)?;
        let (server, _) = self.listener.accept().map_err(failed)?;
        let begin = Instant::now();
        let received = thread::scope(|scope| {
            scope.spawn(|| send(server, self.size));
            receive(client)
        });
        let received = received.map_err(failed)?;
        let time = begin.elapsed().as_secs_f64();
        if received < self.size {
            return Err(format!(
                "{address}: the connection broke after {received} bytes"
            ));
        }
        Ok(Carried {
            sent: self.size.div_ceil(SEGMENT) as u64,
            // TCP retransmits lost segments, so their number says nothing about the filter.
            lost: 0,
            rate: Some(self.size as f64 / time),
        })
    }
}

/// Sends `size` bytes. Errors are ignored: the client detects a broken connection by the number of bytes.
fn send(mut server: TcpStream, size: usize) {
    let chunk = vec![0; CHUNK];
    let mut left = size;
    while left > 0 {
        let Ok(sent) = server.write(&chunk[..left.min(CHUNK)]) else {
            return;
        };
        left -= sent;
    }
}

/// Receives until the end of the connection, or until a time limit.
fn receive(mut client: TcpStream) -> IoResult<usize> {
    client.set_read_timeout(Some(PATIENCE / 2))?;
    let end = Instant::now() + PATIENCE / 2;
    let mut chunk = vec![0; 4 * CHUNK];
    let mut received = 0;
    while Instant::now() < end {
        match client.read(&mut chunk)? {
            0 => return Ok(received),
            length => received += length,
        }
    }
    Err(ErrorKind::TimedOut.into())
}
