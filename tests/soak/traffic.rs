//! A steady stream of packets that the filter must drop and count, and an account of where the packets went.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;

use support::net::{CLIENT, Receiver, SERVER, Sender, Site, pause};
use support::packets::frame;
use support::wait::wait_until;

/// Pause between two packets; about 2,000 packets are sent each second.
const PAUSE: Duration = Duration::from_micros(400);
/// The source address that the Corefile drops.
const SOURCE: &str = "192.0.2.66";

/// A time without a change after which no packet is in transit.
const QUIET_MILLISECONDS: u64 = 250;

/// The stream and its account.
pub(crate) struct Traffic {
    stream: Arc<Stream>,
    receiver: Mutex<Receiver>,
    unfiltered: AtomicU64,
    /// The account up to the last call of `settle` or `after_gap`.
    settled: Mutex<Account>,
}

struct Stream {
    frame: Vec<u8>,
    /// `None` while the stream pauses. Locked while a packet is sent.
    sender: Mutex<Option<Sender>>,
    sent: AtomicU64,
}

/// Numbers of packets: sent, counted as dropped by the filter, and received unfiltered. All others were lost at an
/// interface that was down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) sent: u64,
    pub(crate) counted: u64,
    pub(crate) unfiltered: u64,
}

impl Traffic {
    pub(crate) fn start(site: &Site) -> Self {
        let stream = Arc::new(Stream {
            frame: frame::ip4(SOURCE).udp(53).bytes,
            sender: Mutex::new(Some(Sender::new(&site.client, CLIENT))),
            sent: AtomicU64::new(0),
        });
        let weak = Arc::downgrade(&stream);
        thread::spawn(move || flow(&weak));
        Self {
            stream,
            receiver: Mutex::new(Receiver::new(&site.server, SERVER)),
            unfiltered: AtomicU64::new(0),
            settled: Mutex::default(),
        }
    }

    /// Stops sending. Packets already sent may still be in transit.
    pub(crate) fn pause(&self) {
        *self.stream.sender.lock().unwrap() = None;
    }

    /// Resumes sending, over the interface that has the client's name now.
    pub(crate) fn resume(&self, site: &Site) {
        *self.stream.sender.lock().unwrap() = Some(Sender::new(&site.client, CLIENT));
    }

    /// Replaces the receiver by one at the interface that has the server's name now. The interface must not be up yet.
    pub(crate) fn replace_receiver(&self, site: &Site) {
        *self.receiver.lock().unwrap() = Receiver::new(&site.server, SERVER);
    }

    /// Stops sending, and waits until each packet since the last account was dropped and counted.
    pub(crate) fn settle(&self, site: &Site) -> Account {
        self.pause();
        let before = self.total();
        wait_until("each packet is accounted for", || {
            let now = self.account(site);
            if now.sent - before.sent == now.counted - before.counted {
                Ok(())
            } else {
                Err(now)
            }
        });
        let account = self.quiet(site);
        let Account {
            sent,
            counted,
            unfiltered,
        } = account;
        assert_eq!((counted, unfiltered), (sent, 0), "{account:?}");
        account
    }

    /// Waits until packets are counted again, stops sending, and returns the account since the last one.
    pub(crate) fn after_gap(&self, site: &Site) -> Account {
        self.resume(site);
        let before = counted(site);
        wait_until("packets are counted again", || {
            let now = counted(site);
            if now > before { Ok(()) } else { Err(now) }
        });
        self.pause();
        self.quiet(site)
    }

    /// Waits until no packet is in transit, and returns the account since the last one.
    fn quiet(&self, site: &Site) -> Account {
        let mut last = self.account(site);
        let now = wait_until("no packet is in transit", || {
            pause(QUIET_MILLISECONDS);
            let before = std::mem::replace(&mut last, self.account(site));
            if last == before { Ok(last) } else { Err(last) }
        });
        let before = std::mem::replace(&mut *self.settled.lock().unwrap(), now);
        Account {
            sent: now.sent - before.sent,
            counted: now.counted - before.counted,
            unfiltered: now.unfiltered - before.unfiltered,
        }
    }

    fn account(&self, site: &Site) -> Account {
        Account {
            sent: self.stream.sent.load(Ordering::Relaxed),
            counted: counted(site),
            unfiltered: self.receive(),
        }
    }

    /// Receives unfiltered packets, and returns their number since the start.
    fn receive(&self) -> u64 {
        let receiver = self.receiver.lock().unwrap();
        while let Some(frame) = receiver.next() {
            if frame == self.stream.frame {
                self.unfiltered.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.unfiltered.load(Ordering::Relaxed)
    }

    /// The account up to the last call of `settle` or `after_gap`.
    pub(crate) fn total(&self) -> Account {
        *self.settled.lock().unwrap()
    }
}

impl Account {
    pub(crate) const fn lost(self) -> u64 {
        self.sent - self.counted - self.unfiltered
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sent, {} counted by the map, {} unfiltered, {} lost before an interface that was down",
            self.sent,
            self.counted,
            self.unfiltered,
            self.lost()
        )
    }
}

/// The counter in the map. A filter on a missing interface still has its map.
fn counted(site: &Site) -> u64 {
    let page = site.get("/metrics");
    let mut lines = page.body.lines();
    let dropped = lines.find_map(|line| line.strip_prefix("coredns_ebpf_dropped"));
    let number = dropped.and_then(|rest| rest.split_once(' '));
    number.unwrap().1.parse().unwrap()
}

fn flow(stream: &Weak<Stream>) {
    while let Some(stream) = stream.upgrade() {
        if let Some(sender) = &*stream.sender.lock().unwrap() {
            match sender.try_send(&stream.frame) {
                Ok(()) => {
                    stream.sent.fetch_add(1, Ordering::Relaxed);
                }
                // The kernel refused the packet, so it was not sent.
                Err(Errno::ENETDOWN | Errno::ENOBUFS | Errno::ENXIO) => {}
                Err(errno) => panic!("sending: {errno}"),
            }
        }
        drop(stream);
        thread::sleep(PAUSE);
    }
}
