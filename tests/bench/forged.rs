//! A flood of DNS queries from forged sources.

use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;

use support::net::Sender;
use support::packets::frame::ip4;
use support::packets::message::{checksum, query};

/// Frames for each call. The peer's queue has room for 256.
const BATCH: usize = 32;
const PAUSE: Duration = Duration::from_micros(50);
/// Upper bound of overdue frames. Frames above it are skipped rather than sent in a burst.
const LATE: f64 = 128.0;

/// Offsets of the IPv4 header, its checksum and its source, and of the port and the ID of the query.
const HEADER: usize = 14;
const CHECKSUM: usize = HEADER + 10;
const SOURCE: usize = HEADER + 12;
const PORT: usize = HEADER + 20;
const NUMBER: usize = HEADER + 28;

/// The frames of one call.
struct Batch {
    frames: Vec<Vec<u8>>,
    /// The network of all sources.
    network: Option<[u8; 2]>,
    random: u64,
    /// The checksum of the header without its source, not complemented.
    others: u32,
}

/// Sends `rate` queries per second for www.example to 192.0.2.53 from this `cpu` while `act` runs. Returns the result
/// of `act` and the number of queries sent per second.
pub(crate) fn flooded<T>(
    sender: &Sender,
    rate: f64,
    cpu: usize,
    act: impl FnOnce() -> T,
) -> (T, f64) {
    flooded_from(None, sender, rate, cpu, act)
}

/// As [`flooded`], from sources in this /16, or from any.
pub(crate) fn flooded_from<T>(
    network: Option<[u8; 2]>,
    sender: &Sender,
    rate: f64,
    cpu: usize,
    act: impl FnOnce() -> T,
) -> (T, f64) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let flood: ScopedJoinHandle<'_, f64> = scope.spawn(|| {
            first_on(cpu, 1);
            flood(network, sender, rate, &stop)
        });
        let done = act();
        stop.store(true, Ordering::Relaxed);
        (done, flood.join().unwrap())
    })
}

fn flood(network: Option<[u8; 2]>, sender: &Sender, rate: f64, stop: &AtomicBool) -> f64 {
    let mut batch = Batch::new(network);
    let (start, mut sent, mut given_up) = (Instant::now(), 0.0, 0.0);
    while !stop.load(Ordering::Relaxed) {
        let mut due = rate * start.elapsed().as_secs_f64() - sent - given_up;
        if due < 1.0 {
            thread::sleep(PAUSE);
            continue;
        }
        if due > LATE {
            given_up += due - LATE;
            due = LATE;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let count = BATCH.min(due as usize);
        batch.forge();
        sent += f64::from(batch.send(sender, count));
    }
    sent / start.elapsed().as_secs_f64()
}

impl Batch {
    fn new(network: Option<[u8; 2]>) -> Self {
        let asked = query("www.example", 1).edns(1232, &[]).bytes;
        let frame = ip4("0.0.0.0").datagram(53, &asked).bytes;
        Self {
            others: u32::from(!checksum(&[&frame[HEADER..PORT]])),
            frames: vec![frame; BATCH],
            network,
            random: 0x2545_f491_4f6c_dd1d,
        }
    }

    /// Gives each frame a new source, port and query ID.
    fn forge(&mut self) {
        for frame in &mut self.frames {
            let source = loop {
                // xorshift64
                self.random ^= self.random << 13;
                self.random ^= self.random >> 7;
                self.random ^= self.random << 17;
                let mut source = self.random.to_be_bytes();
                if let Some(network) = self.network {
                    source[..2].copy_from_slice(&network);
                    break source;
                }
                // Skips sources that the server ignores, and the network of the real client.
                if (1..224).contains(&source[0]) && source[0] != 127 && source[..3] != [192, 0, 2] {
                    break source;
                }
            };
            frame[SOURCE..SOURCE + 4].copy_from_slice(&source[..4]);
            frame[PORT..PORT + 2].copy_from_slice(&[source[4] | 0x80, source[5]]);
            frame[NUMBER..NUMBER + 2].copy_from_slice(&source[6..]);
            let [a, b, c, d] = [0, 1, 2, 3].map(|at| u32::from(source[at]));
            let sum = self.others + (a << 8 | b) + (c << 8 | d);
            let sum = (sum & 0xffff) + (sum >> 16);
            let sum = !((sum & 0xffff) + (sum >> 16));
            frame[CHECKSUM..CHECKSUM + 2].copy_from_slice(&sum.to_be_bytes()[2..]);
        }
    }

    /// Sends `count` frames and returns the number of frames sent. A frame for which the queue has no room counts as
    /// sent.
    fn send(&mut self, sender: &Sender, count: usize) -> u32 {
        let frames = &mut self.frames[..count];
        let mut parts: Vec<libc::iovec> = frames
            .iter_mut()
            .map(|frame| libc::iovec {
                iov_base: frame.as_mut_ptr().cast(),
                iov_len: frame.len(),
            })
            .collect();
        let heads = parts.iter_mut().map(|part| {
            // SAFETY: mmsghdr is plain data, for which all zero is valid.
            let mut head: libc::mmsghdr = unsafe { std::mem::zeroed() };
            head.msg_hdr.msg_iov = part;
            head.msg_hdr.msg_iovlen = 1;
            head
        });
        let mut heads: Vec<libc::mmsghdr> = heads.collect();
        let count = u32::try_from(count).unwrap();
        // SAFETY: there are `count` headers, each with one part, and all of them outlive the call.
        let sent = unsafe { libc::sendmmsg(sender.as_raw_fd(), heads.as_mut_ptr(), count, 0) };
        match Errno::result(sent) {
            // sendmmsg stops at the first frame that is lost.
            Ok(sent) => count.min(sent.unsigned_abs() + 1),
            Err(Errno::ENOBUFS) => 1,
            Err(error) => panic!("sendmmsg: {error}"),
        }
    }
}

/// Binds this thread to the CPU with a real-time priority, since a real link does not wait for other threads.
pub(crate) fn first_on(cpu: usize, priority: i32) {
    let mut only = nix::sched::CpuSet::new();
    only.set(cpu).unwrap();
    // 0 is the calling thread.
    nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &only).unwrap();
    let priority = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: the structure outlives the call.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) };
    Errno::result(result).unwrap();
}
