//! A UDP stream like that of QUIC: long datagrams at a high rate, and acknowledgements in return.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};
use support::wait::End;

use super::{Carried, Kind, Traffic};
use crate::router::{LAN_HOST, Router, WAN_HOST};

/// 50,000 packets per second for half a second.
const PACKETS: u32 = 25_000;
/// Packets of a burst; the sender starts one burst each millisecond. A late sender does not catch up, since a longer burst
/// overflows queues.
const BURST: u32 = 50;
const TICK: Duration = Duration::from_millis(1);
/// Bytes of a datagram: the least size that a QUIC path must support (RFC 9000 section 14).
const SIZE: usize = 1200;
/// Number of packets per acknowledgement.
const ACKNOWLEDGE: u32 = 10;
/// Bytes of a receive buffer, which holds all packets of a run.
const BUFFER: usize = 64 << 20;
/// Time without a packet after which no more packets are in flight.
const SILENCE: Duration = Duration::from_millis(200);

/// A server in the WAN and a client in the LAN.
pub struct Stream {
    server: UdpSocket,
    client: UdpSocket,
    runs: AtomicU8,
}

impl Stream {
    pub fn new(router: &Router) -> Self {
        let server = router
            .wan
            .enter(|| UdpSocket::bind((WAN_HOST[1], 443)).unwrap());
        let client = router
            .lan
            .enter(|| UdpSocket::bind((LAN_HOST[1], 0)).unwrap());
        for socket in [&server, &client] {
            setsockopt(socket, RcvBufForce, &BUFFER).unwrap();
            socket.set_read_timeout(Some(SILENCE)).unwrap();
        }
        server.connect(client.local_addr().unwrap()).unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        Self {
            server,
            client,
            runs: AtomicU8::new(0),
        }
    }
}

impl Traffic for Stream {
    fn name(&self) -> &'static str {
        "UDP 50,000/s (QUIC), forwarded"
    }

    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn runs_alone(&self) -> bool {
        true
    }

    fn run(&self, _: &Router) -> Result<Carried, String> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let [sent, received] = [AtomicBool::new(false), AtomicBool::new(false)];
        let (arrived, returned) = thread::scope(|scope| {
            let all_over = [End(&sent), End(&received)];
            let client = scope.spawn(|| receive(&self.client, number, &sent, ACKNOWLEDGE));
            let server = scope.spawn(|| receive(&self.server, number, &received, u32::MAX));
            send(&self.server, number);
            let [sent, received] = all_over;
            drop(sent);
            let arrived = client.join().unwrap();
            drop(received);
            (arrived, server.join().unwrap())
        });
        let acknowledgements = arrived / ACKNOWLEDGE;
        Ok(Carried {
            sent: u64::from(PACKETS + acknowledgements),
            lost: u64::from(PACKETS - arrived + acknowledgements - returned),
            rate: None,
        })
    }
}

/// Sends the packets of a run. Their first byte is the number of the run, so that late packets are recognized.
fn send(server: &UdpSocket, run: u8) {
    let packet = [run; SIZE];
    let mut next = Instant::now();
    for number in 0..PACKETS {
        if number % BURST == 0 {
            sleep(next.saturating_duration_since(Instant::now()));
            next = next.max(Instant::now()) + TICK;
        }
        // The receiver detects packets lost to a full queue.
        let _ = server.send(&packet);
    }
}

/// Counts packets until the sender is `over` and silent. Acknowledges each `every`-th packet.
fn receive(socket: &UdpSocket, run: u8, over: &AtomicBool, every: u32) -> u32 {
    let mut packet = [0; SIZE];
    let mut received = 0;
    loop {
        // Read before `recv`, so that all packets were sent before the silence.
        let is_over = over.load(Ordering::Relaxed);
        if socket.recv(&mut packet).is_err() {
            if is_over {
                return received;
            }
        } else if packet[0] == run {
            received += 1;
            if received % every == 0 {
                let _ = socket.send(&packet[..40]);
            }
        }
    }
}
