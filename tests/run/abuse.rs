//! The page under abuse. Whatever clients send, the worker stays small and alive, an honest client gets a response, and
//! the filter keeps counting.

use std::fs;
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::abusive_clients::{ACTS, Act, connect_to};
use crate::packet;
use support::net::{PAGE, Site, pause, peak_memory, threads};
use support::wait::{End, prompt, wait_until};

/// Upper bound of the worker's growth: sixteen of the largest responses, in a debug build with glibc's heaps.
const MOST_GROWTH: u64 = 8 << 20;
/// One thread accepts connections, one answers requests.
const MOST_THREADS: u64 = 2;
/// Upper bound of the daemon's growth. The kernel counts resident memory in batches of pages.
const SLACK: u64 = 256 << 10;
/// Upper bound of the time from the end of an abuse to an honest response. It is shorter than the page's idle limits,
/// so that the response cannot be due to such a limit.
const RECOVERY: Duration = Duration::from_secs(8);

/// Address of `health`.
const HEALTH: &str = "127.0.0.1:8080";

/// A Corefile whose page is nearly of the largest size, so that the client's kernel does not buffer all of it at once.
fn corefile() -> String {
    let help = "Packets from the first network, and how. ".repeat(16);
    let metrics = (0..250).fold(String::new(), |text, number| {
        text + &format!("metric packets_{number} 00000000 8 4 \"{help}\"\n")
    });
    format!(
        ". {{\nprometheus\nhealth {HEALTH}\nebpf {{\nelf example.o\nif edge0\nmap 0A0B0000.FFFF0000.00000000\n{metrics}}}\n}}\n"
    )
}

/// Scrapes the page and requests the health. Returns the duration if both responses were complete.
fn scrape() -> Option<Duration> {
    let start = Instant::now();
    for (address, path, end) in [
        (PAGE, "/metrics", "\nprocess_open_fds "),
        (HEALTH, "/health", "\r\n\r\nOK"),
    ] {
        let mut stream = connect_to(address).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let whole = answer.starts_with("HTTP/1.1 200 ") && answer.contains(end);
        whole.then_some(())?;
    }
    Some(start.elapsed())
}

/// Least number of honest scrapes during each abuse. With only one or two scrapes a single refusal would fail the test.
/// The connections of the abuse stay open meanwhile.
const LEAST_SCRAPES: usize = 5;

/// Observations of the page during an abuse and after.
struct Seen {
    amount: String,
    threads: u64,
    memory: u64,
    /// Honest scrapes during the abuse: the duration of each, `None` for a failed scrape.
    scrapes: Vec<Option<Duration>>,
    /// Time from the end of the abuse to an honest response.
    recovery: Duration,
}

impl Seen {
    /// Runs `act` and observes the worker meanwhile.
    fn during(act: Act, worker: u32) -> Self {
        // 5 resets the peak of resident memory, VmHWM.
        fs::write(format!("/proc/{worker}/clear_refs"), "5").unwrap();
        let over = AtomicBool::new(false);
        let mut held = Vec::new();
        let (amount, threads, scrapes) = thread::scope(|scope| {
            let end = End(&over);
            let counts = scope.spawn(|| repeat(&over, 1, 2, || threads(worker)).into_iter().max());
            let scrapes = scope.spawn(|| repeat(&over, LEAST_SCRAPES, 100, scrape));
            let amount = act(&mut held);
            drop(end);
            let threads = counts.join().unwrap().unwrap();
            (amount, threads, scrapes.join().unwrap())
        });
        drop(held);
        let end = Instant::now();
        wait_until("an honest client is answered", scrape);
        let recovery = end.elapsed();
        Self {
            amount,
            threads,
            memory: peak_memory(worker),
            scrapes,
            recovery,
        }
    }

    fn print(&self, name: &str) {
        let answered = self.scrapes.iter().flatten();
        println!(
            "{name:26} {:>22} {:>8} {:>7} {:>5}/{:<5} {:>10.1?} {:>10.1?}",
            self.amount,
            self.memory >> 10,
            self.threads,
            answered.clone().count(),
            self.scrapes.len(),
            answered.max().copied().unwrap_or_default(),
            self.recovery,
        );
    }
}

/// Calls `look` at once and after each pause, until the abuse is over and there are `least` results.
fn repeat<T>(
    over: &AtomicBool,
    least: usize,
    milliseconds: u64,
    mut look: impl FnMut() -> T,
) -> Vec<T> {
    let mut seen = vec![look()];
    while !over.load(Ordering::Relaxed) || seen.len() < least {
        pause(milliseconds);
        seen.push(look());
    }
    seen
}

/// Raises the limit of open files, since the abuse opens thousands of connections.
fn raise_open_files() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most.min(8192), most).unwrap();
    assert!(most >= 4096, "open files are limited to {most}");
}

#[test]
fn page_survives_abuse() {
    raise_open_files();
    let site = Site::new();
    let daemon = site.run(&corefile()).attached(1);
    let (worker, filter, sender) = (daemon.worker(), site.filter().id, site.sender());
    let mut packets = 0;
    let mut counts = || {
        sender.send(&packet("10.11.0.1"), 5);
        packets += 5;
        site.metric_becomes("coredns_ebpf_packets_0", packets);
    };
    counts();
    let (memory, before) = (peak_memory(daemon.pid()), peak_memory(worker));
    println!(
        "the worker at rest: {} KiB, {} threads",
        before >> 10,
        threads(worker)
    );
    println!(
        "abuse, amount; the worker's peak in KiB, its threads; honest scrapes answered, the slowest; recovery"
    );
    for (name, act) in ACTS {
        prompt(RECOVERY, |_| {
            let seen = site.server.enter(|| Seen::during(act, worker));
            seen.print(name);
            let grown = seen.memory.saturating_sub(before);
            assert!(
                grown <= MOST_GROWTH,
                "{name}: the worker grew by {grown} bytes"
            );
            assert!(seen.threads <= MOST_THREADS, "{name}: {}", seen.threads);
            let answered = seen.scrapes.iter().flatten().count();
            assert!(2 * answered > seen.scrapes.len(), "{name}: {answered}");
            seen.recovery
        });
        assert_eq!(site.filter().id, filter, "{name}");
        counts();
    }
    assert_eq!(daemon.worker(), worker, "the worker was never restarted");
    assert_eq!(daemon.lines_with("worker died"), [""; 0]);
    let grown = peak_memory(daemon.pid()).saturating_sub(memory);
    assert!(grown <= SLACK, "the daemon grew by {grown} bytes");
    daemon.stop();
}
