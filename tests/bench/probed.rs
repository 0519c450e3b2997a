//! Packets that show when a filter begins and ends to drop them.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::process::sleeps;
use support::net::{Namespace, Receiver, Sender};

/// The pause between two packets.
const PACE: Duration = Duration::from_micros(20);
/// A filter drops a packet for certain if this many in turn, and for this long, have not passed.
const SILENT_PACKETS: u32 = 30;
const SILENT_TIME: Duration = Duration::from_millis(3);
/// A decision that ends later than this is late.
const LATE: Duration = Duration::from_secs(1);
/// Time to wait for packets that are late.
const PATIENCE: Duration = Duration::from_secs(10);
/// Offset of the IPv4 header of a frame.
const HEADER: usize = 14;

/// A veth pair: the filter's interface in one network namespace, its peer in another.
pub(crate) struct Wire {
    server: Namespace,
    // Holds the other end of the pair.
    _client: Namespace,
    pub(crate) interface: String,
    sender: Sender,
    receiver: Receiver,
}

/// The end of decisions.
pub(crate) struct Expiry {
    /// The latest first packet that passed, after the time of the first decision.
    pub(crate) latest: Duration,
    pub(crate) late: u64,
    pub(crate) lost: u64,
}

impl Wire {
    pub(crate) fn lay() -> Self {
        let (server, client) = (Namespace::new(), Namespace::new());
        let interface = "decide0".to_owned();
        let name = client.name();
        server.run(&format!(
            "ip link add {interface} type veth peer name outside0 netns {name}"
        ));
        server.run(&format!("ip link set {interface} up"));
        client.run("ip link set outside0 up");
        Self {
            sender: Sender::new(&client, "outside0"),
            receiver: Receiver::new(&server, &interface),
            server,
            _client: client,
            interface,
        }
    }

    /// Acts in the namespace of the filter.
    pub(crate) fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        self.server.enter(act)
    }

    /// The packets that have passed since the last look.
    fn passed(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        std::iter::from_fn(|| self.receiver.next())
    }

    /// Sends a packet again and again while a command makes the filter drop it. Returns the time from the start of the
    /// command until the last packet that passed.
    pub(crate) fn until_dropped(&self, command: &mut Command, frame: &[u8]) -> Duration {
        self.sender.send(frame, 1);
        assert!(self.comes(frame), "the packet passes before");
        let begin = Instant::now();
        let mut child = self.inside(|| command.spawn()).unwrap();
        let last = self.last_passed(&mut child, begin, frame);
        assert!(child.wait().unwrap().success(), "{command:?}");
        last - begin
    }

    /// Sends a packet again and again until it does not pass after the end of a process that began at `begin`. Returns
    /// the time of the last packet that passed.
    fn last_passed(&self, child: &mut Child, begin: Instant, frame: &[u8]) -> Instant {
        let (mut last, mut silent, mut is_over) = (begin, 0, false);
        while !(is_over && silent > SILENT_PACKETS && last.elapsed() > SILENT_TIME) {
            self.sender.send(frame, 1);
            silent += 1;
            if self.passed().any(|other| other == frame) {
                (last, silent) = (Instant::now(), 0);
            }
            is_over = is_over || child.try_wait().unwrap().is_some();
            assert!(begin.elapsed() < PATIENCE, "the command has no effect");
            sleep(PACE);
        }
        last
    }

    /// True if the packet that was just sent passes.
    fn comes(&self, frame: &[u8]) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if self.passed().any(|other| other == frame) {
                return true;
            }
            sleep(PACE);
        }
        false
    }

    /// Adds decisions that end after `seconds`, and watches the packets of some of them until all pass.
    pub(crate) fn expiry(&self, frames: &[Vec<u8>], seconds: u64, add: impl FnOnce()) -> Expiry {
        let begin = Instant::now();
        add();
        let added = Instant::now();
        // The clients of the packets are told apart by their source.
        let mut first: BTreeMap<Vec<u8>, Instant> = BTreeMap::new();
        let time = Duration::from_secs(seconds);
        self.passed().for_each(drop);
        while first.len() < frames.len() && added.elapsed() < time + PATIENCE {
            for frame in frames {
                if !first.contains_key(source(frame)) {
                    self.sender.send(frame, 1);
                }
            }
            sleep(PACE);
            let now = Instant::now();
            for frame in self.passed().filter(|frame| frame.len() >= HEADER + 20) {
                first.entry(source(&frame).to_vec()).or_insert(now);
            }
            // Packets of the kernel itself.
            first.retain(|address, _| address[0] == 198);
        }
        let passed = |limit: Instant| first.values().filter(move |&&at| at > limit).count();
        let late = frames.len() - first.len() + passed(added + time + LATE);
        let lost = first.len() - passed(begin + time);
        let latest = first
            .values()
            .max()
            .map_or(PATIENCE, |&at| at.saturating_duration_since(begin + time));
        Expiry {
            latest,
            late: late as u64,
            lost: lost as u64,
        }
    }
}

/// The source address of an IPv4 frame.
fn source(frame: &[u8]) -> &[u8] {
    &frame[HEADER + 12..HEADER + 16]
}

/// The processor time of the first thread of a process.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

pub(crate) fn wakeups(pid: u32) -> u64 {
    sleeps(&[pid]).iter().map(|(_, count)| count).sum()
}
