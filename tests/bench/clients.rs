//! Clients of the DNS server as stub resolvers are: a truncated response makes them ask again over TCP.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

use super::forged::first_on;
use super::served::OUTSIDE_CPU;
use support::packets::message::query;

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);
/// A client gives up a query after this time.
const PATIENCE: Duration = Duration::from_secs(2);
/// Real-time priority, above those of the flood and of the network.
const PRIORITY: i32 = 3;
/// Between two turns of queries and answers.
const PAUSE: Duration = Duration::from_millis(1);
/// Threads for queries over TCP.
const TCP_THREADS: usize = 16;
/// Bits of the third and fourth byte of a DNS header.
const TC: u8 = 0x02;

/// A query without an answer yet.
#[derive(Clone, Copy)]
struct Open {
    since: Instant,
    id: u16,
}

/// One address, with the queries that wait for an answer.
struct Client {
    address: Ipv4Addr,
    socket: UdpSocket,
    open: Vec<Open>,
    next: u16,
}

/// Numbers of queries.
#[derive(Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) asked: u32,
    pub(crate) lost: u32,
    /// Truncated responses, after which the client asked over TCP.
    pub(crate) over_tcp: u32,
}

/// Clients of these addresses.
pub(crate) struct Clients {
    all: Vec<Client>,
    question: Vec<u8>,
    /// Addresses for queries over TCP, and how each ended.
    jobs: Sender<Ipv4Addr>,
    ended: Receiver<bool>,
    outcome: Outcome,
}

impl Clients {
    /// Opens a socket for each address, in the network namespace of this thread.
    pub(crate) fn new(addresses: impl Iterator<Item = Ipv4Addr>) -> Self {
        let question = query("www.example", 1).edns(1232, &[]).bytes;
        let all = addresses.map(|address| {
            let socket = UdpSocket::bind((address, 0)).unwrap();
            socket.connect((SERVER, 53)).unwrap();
            socket.set_nonblocking(true).unwrap();
            Client {
                address,
                socket,
                open: Vec::new(),
                next: 0,
            }
        });
        let all = all.collect();
        let (jobs, queue) = channel::<Ipv4Addr>();
        let (end, ended) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..TCP_THREADS {
            let (queue, end, question) = (Arc::clone(&queue), end.clone(), question.clone());
            // The thread inherits the namespace.
            thread::spawn(move || {
                first_on(OUTSIDE_CPU, PRIORITY);
                loop {
                    let job = queue.lock().unwrap().recv();
                    let Ok(address) = job else { return };
                    if end.send(answers_over_tcp(address, &question)).is_err() {
                        return;
                    }
                }
            });
        }
        Self {
            all,
            question,
            jobs,
            ended,
            outcome: Outcome::default(),
        }
    }

    /// All clients together ask `rate` queries per second for this time; then waits for the last answers. Takes place in
    /// a thread that precedes the flood: real clients are other hosts.
    pub(crate) fn ask(&mut self, rate: f64, time: Duration) -> Outcome {
        thread::scope(|scope| {
            let asking = scope.spawn(|| {
                first_on(OUTSIDE_CPU, PRIORITY);
                self.ask_here(rate, time)
            });
            asking.join().unwrap()
        })
    }

    fn ask_here(&mut self, rate: f64, time: Duration) -> Outcome {
        let before = std::mem::take(&mut self.outcome);
        assert_eq!(before.asked, 0);
        let start = Instant::now();
        let mut turn = 0;
        while start.elapsed() < time {
            let due = rate * start.elapsed().as_secs_f64() - f64::from(self.outcome.asked);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            for _ in 0..(due.max(0.0) as usize) {
                self.send(turn);
                turn = (turn + 1) % self.all.len();
            }
            thread::sleep(PAUSE);
            self.receive();
        }
        let last = Instant::now();
        while last.elapsed() < PATIENCE + Duration::from_millis(100) {
            thread::sleep(PAUSE);
            self.receive();
        }
        self.give_up();
        std::mem::take(&mut self.outcome)
    }

    fn send(&mut self, turn: usize) {
        let client = &mut self.all[turn];
        client.next = client.next.wrapping_add(1);
        self.question[..2].copy_from_slice(&client.next.to_be_bytes());
        self.outcome.asked += 1;
        client.open.push(Open {
            since: Instant::now(),
            id: client.next,
        });
        // A full queue loses the query, as a network does.
        let _ = client.socket.send(&self.question);
    }

    /// Takes the answers that have arrived.
    fn receive(&mut self) {
        let mut ready: Vec<PollFd<'_>> = self
            .all
            .iter()
            .map(|client| PollFd::new(client.socket.as_fd(), PollFlags::POLLIN))
            .collect();
        poll(&mut ready, PollTimeout::ZERO).unwrap();
        let ready: Vec<usize> = (0..ready.len())
            .filter(|n| ready[*n].any().unwrap_or(true))
            .collect();
        for n in ready {
            let mut answer = [0; 512];
            loop {
                let client = &mut self.all[n];
                match client.socket.recv(&mut answer) {
                    Ok(size) if size > 3 => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    _ => continue,
                }
                let id = u16::from_be_bytes([answer[0], answer[1]]);
                let Some(at) = client.open.iter().position(|open| open.id == id) else {
                    continue;
                };
                client.open.swap_remove(at);
                if answer[2] & TC != 0 {
                    self.outcome.over_tcp += 1;
                    self.jobs.send(client.address).unwrap();
                }
            }
        }
        self.give_up();
        while let Ok(is_answered) = self.ended.try_recv() {
            self.outcome.lost += u32::from(!is_answered);
        }
    }

    /// Counts the queries that waited for too long.
    fn give_up(&mut self) {
        for client in &mut self.all {
            let before = client.open.len();
            client.open.retain(|open| open.since.elapsed() < PATIENCE);
            self.outcome.lost += u32::try_from(before - client.open.len()).unwrap();
        }
    }
}

/// Asks over TCP from this address; true if the server answers.
fn answers_over_tcp(address: Ipv4Addr, question: &[u8]) -> bool {
    let ask = || -> Result<(), Box<dyn std::error::Error>> {
        let fd = socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            None,
        )?;
        let patience = TimeVal::seconds(2);
        setsockopt(&fd, sockopt::ReceiveTimeout, &patience)?;
        setsockopt(&fd, sockopt::SendTimeout, &patience)?;
        let [a, b, c, d] = address.octets();
        bind(fd.as_raw_fd(), &SockaddrIn::new(a, b, c, d, 0))?;
        let [a, b, c, d] = SERVER.octets();
        connect(fd.as_raw_fd(), &SockaddrIn::new(a, b, c, d, 53))?;
        let mut stream = TcpStream::from(fd);
        let mut message = u16::try_from(question.len())?.to_be_bytes().to_vec();
        message.extend_from_slice(question);
        stream.write_all(&message)?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer)?;
        Ok(())
    };
    ask().is_ok()
}
