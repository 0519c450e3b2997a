//! Packets at the highest possible rate, while the filter that must drop them is reloaded in every way.
//!
//! Each way is tried [`ROUNDS`] times, or `COREXDP_RELOADS` times.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use nix::sys::signal::Signal;

use crate::packet;
use support::net::Site;
use support::wait::{End, wait_until};

const ROUNDS: usize = 10;

/// A kind of change by a reload.
struct Way {
    name: &'static str,
    /// The Corefile of each round; the daemon starts with that of round 0.
    corefile: fn(usize) -> String,
    /// True if the reload keeps the counter.
    counts: bool,
}

const WAYS: [Way; 8] = [
    Way {
        name: "a metric",
        corefile: |round| {
            example(&format!(
                "metric of_round_{round} 00000000 8 4 \"Dropped.\""
            ))
        },
        counts: true,
    },
    Way {
        name: "the page's address",
        corefile: |round| {
            let port = 9154 + round % 2;
            example("") + &format!("two {{\nprometheus localhost:{port}\n}}\n")
        },
        counts: true,
    },
    Way {
        name: "another interface",
        corefile: |round| match round % 2 {
            0 => example(""),
            _ => example("") + "two {\nebpf {\nelf example.o\nif edge1\n}\n}\n",
        },
        counts: true,
    },
    Way {
        name: "entries of an array, changed",
        corefile: |round| example(&format!("map 0000{round:04X}.FFFFFFFF.00000000")),
        counts: true,
    },
    Way {
        name: "entries of an array, added and deleted",
        corefile: |round| {
            let line = |number| format!("map 0000{number:04X}.FFFFFFFF.00000000\n");
            example(&(0..round % 5).map(line).collect::<String>())
        },
        counts: true,
    },
    Way {
        name: "entries of a hash map",
        corefile: |round| {
            words(&format!(
                "entry 0 packets=1\nentry {} packets={round}",
                1 + round % 5
            ))
        },
        counts: false,
    },
    Way {
        name: "prefixes of a trie",
        corefile: |round| {
            words(&format!(
                "entry @networks 0.0.0.0/0 value=1\nentry @networks 10.{}.0.0/16 value={round}",
                round % 5
            ))
        },
        counts: false,
    },
    Way {
        name: "the object",
        corefile: |round| match round % 2 {
            0 => example(""),
            _ => example("").replace("example.o", "other/example.o"),
        },
        counts: false,
    },
];

/// A Corefile that drops and counts packets from 10.11.0.0/16.
fn example(more: &str) -> String {
    format!(
        ". {{\nprometheus\nebpf {{\nif edge0\nelf example.o\nmap 0A0B0000.FFFF0000.00000000\n\
         metric dropped 00000000 8 4 \"Dropped.\"\n{more}\n}}\n}}\n"
    )
}

/// A Corefile whose program drops every packet if there is an entry for 0, or the network of all addresses.
fn words(entries: &str) -> String {
    format!(". {{\nprometheus\nebpf {{\nelf words.o\nif edge0\n{entries}\n}}\n}}\n")
}

fn rounds() -> usize {
    std::env::var("COREXDP_RELOADS").map_or(ROUNDS, |text| {
        text.parse().expect("COREXDP_RELOADS is a number")
    })
}

#[test]
fn no_packet_passes_during_a_reload() {
    let site = Site::new();
    site.add_other_object();
    site.add_wire("edge1", "far1");
    site.folder.fixture("words");
    for way in &WAYS {
        let sent = way.reload_under_flood(&site);
        println!(
            "{}: {} reloads, {sent} packets, none passed",
            way.name,
            rounds()
        );
    }
}

impl Way {
    /// Reloads under a flood of packets, and returns the number of packets.
    fn reload_under_flood(&self, site: &Site) -> u64 {
        let daemon = site.run(&(self.corefile)(0));
        daemon.line("edge0: attached");
        daemon.line("page: ");
        let (sender, receiver) = (site.sender(), site.receiver());
        let (done, sent) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            let end = End(&done);
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    sender.send(&packet("10.11.0.1"), 100);
                    sent.fetch_add(100, Ordering::Relaxed);
                }
            });
            for round in 1..=rounds() {
                // Each reload must happen between packets, which a busy machine may delay.
                let before = sent.load(Ordering::Relaxed);
                wait_until("more packets are sent", || {
                    let now = sent.load(Ordering::Relaxed);
                    if now > before + 100 { Ok(()) } else { Err(now) }
                });
                site.folder.write("Corefile", &(self.corefile)(round));
                daemon.signal(Signal::SIGHUP);
                daemon.nth_line(round - 1, "reload: done");
            }
            drop(end);
        });
        let sent = sent.into_inner();
        assert!(sent > 1_000, "{}: {sent}", self.name);
        // The kernel's own frames on the veth pair are not IPv4.
        while let Some(frame) = receiver.next() {
            assert_ne!(&frame[12..14], [8, 0], "{}: {frame:02x?}", self.name);
        }
        if self.counts {
            let name = if self.name == "a metric" {
                format!("coredns_ebpf_of_round_{}", rounds())
            } else {
                "coredns_ebpf_dropped".to_owned()
            };
            site.metric_becomes(&name, sent);
        }
        daemon.stop();
        sent
    }
}
