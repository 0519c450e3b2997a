//! TCP at full speed.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use support::wait::PATIENCE;

use super::{Carried, Kind, Traffic};
use crate::router::{Router, WAN_HOST};

/// Bytes of a download.
const SIZE: usize = 200_000_000;
const CHUNK: usize = 1 << 16;

/// A server that sends, and a client that receives.
pub struct Download {
    listener: TcpListener,
}

impl Download {
    /// From a server in the WAN to a client in the LAN.
    pub fn through(router: &Router) -> Self {
        let bind = || TcpListener::bind((WAN_HOST[0], 0)).unwrap();
        Self {
            listener: router.wan.enter(bind),
        }
    }
}

impl Traffic for Download {
    fn name(&self) -> &'static str {
        "TCP download, forwarded"
    }

    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn runs_alone(&self) -> bool {
        true
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        let address = self.listener.local_addr().unwrap();
        let failed = |error| format!("{address}: {error}");
        let client = router
            .lan
            .enter(|| TcpStream::connect_timeout(&address, PATIENCE));
        let client = client.map_err(failed)?;
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let (server, _) = self.listener.accept().map_err(failed)?;
        let begin = Instant::now();
        let received = thread::scope(|scope| {
            scope.spawn(|| send(server));
            receive(client)
        });
        let received = received.map_err(failed)?;
        Ok(Carried {
            sent: SIZE as u64,
            lost: (SIZE - received) as u64,
            rate: Some(SIZE as f64 / begin.elapsed().as_secs_f64()),
        })
    }
}

/// A broken connection shows in what the client receives.
fn send(mut server: TcpStream) {
    let chunk = vec![0; CHUNK];
    let mut left = SIZE;
    while left > 0 {
        let Ok(sent) = server.write(&chunk[..left.min(CHUNK)]) else {
            return;
        };
        left -= sent;
    }
}

fn receive(mut client: TcpStream) -> std::io::Result<usize> {
    let mut chunk = vec![0; 4 * CHUNK];
    let mut received = 0;
    let end = Instant::now() + PATIENCE / 2;
    loop {
        if Instant::now() > end {
            return Err(ErrorKind::TimedOut.into());
        }
        match client.read(&mut chunk)? {
            0 => return Ok(received),
            length => received += length,
        }
    }
}
