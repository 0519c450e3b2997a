//! Forged sources from one CPU and from two, beside real sources.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use support::objects::random::Random;
use support::packets::filter::Filter;
use support::packets::kernel::Program;
use support::packets::number;
use support::packets::sandbox::PASS;
use support::wait::wait_until;

use super::{PROGRAMS, ask, load, passes};

/// Real sources that stay far below their rate, each in a network of its own. They have asked twice before the flood.
const QUIET: u32 = 4000;
/// Queries of each of them during the flood.
const TIMES: u32 = 10;
/// Queries per second and network, and queries of a burst.
const RATE: u32 = 1000;
/// Forged queries for each query of the source that is over its rate.
const FORGED_PER_HEAVY: u32 = 4;
/// The clock of the program may lag by this, on a busy machine too.
const TICK: f64 = 0.1;

/// Number of forged sources.
fn forged() -> u32 {
    number(50_000)
}

/// A query whose source is changed in its place.
struct Query {
    frame: Vec<u8>,
    address: std::ops::Range<usize>,
}

impl Query {
    fn ip4() -> Self {
        Self {
            frame: ask("0.0.0.0"),
            address: 26..30,
        }
    }

    fn ip6() -> Self {
        Self {
            frame: ask("::"),
            address: 22..38,
        }
    }

    fn with(&mut self, address: &[u8]) -> &[u8] {
        self.frame[self.address.clone()].copy_from_slice(address);
        &self.frame
    }

    fn with_random(&mut self, random: &mut Random) -> &[u8] {
        let address = &mut self.frame[self.address.clone()];
        address.fill_with(|| u8::try_from(random.below(256)).unwrap());
        &self.frame
    }
}

/// The quiet source of this number: a /24 that no other one has.
fn quiet(number: u32) -> [u8; 4] {
    (0xc000_0001 + (number << 8)).to_be_bytes()
}

/// The queries of the source that is over its rate.
#[derive(Default)]
struct Heavy {
    passed: u32,
    /// When its first query was dropped, and how many had passed before.
    limited: Option<(Instant, u32)>,
    last: Option<Instant>,
    /// The longest time between two queries.
    pause: Duration,
}

impl Heavy {
    fn add(&mut self, passes: bool) {
        let now = Instant::now();
        let pause = self.last.replace(now).map(|last| now.duration_since(last));
        self.pause = self.pause.max(pause.unwrap_or_default());
        self.passed += u32::from(passes);
        if !passes && self.limited.is_none() {
            self.limited = Some((now, self.passed));
        }
    }
}

/// A flood that several CPUs send.
struct Flood<'a> {
    program: &'a Program,
    cpus: u32,
    heavy: Mutex<Heavy>,
}

impl Flood<'_> {
    fn passes(&self, frame: &[u8]) -> bool {
        self.program.run(frame).verdict == PASS
    }

    /// Sends the share of a CPU. Returns the quiet sources that lost a query.
    fn send(&self, cpu: u32) -> Vec<u32> {
        let mut only = CpuSet::new();
        only.set(cpu as usize).unwrap();
        sched_setaffinity(Pid::from_raw(0), &only).unwrap();
        let mut random = Random(0x1234_5678_9abc + u64::from(cpu));
        let [mut forged4, mut forged6, mut real] = [Query::ip4(), Query::ip6(), Query::ip4()];
        let heavy = ask("203.0.113.7");
        let (share, quiet_share) = (forged() / self.cpus, QUIET / self.cpus);
        let (mut lost, mut asked) = (Vec::new(), 0);
        for number in 0..share {
            match number % 2 {
                0 => self.passes(forged4.with_random(&mut random)),
                _ => self.passes(forged6.with_random(&mut random)),
            };
            if number % FORGED_PER_HEAVY == 0 {
                let passes = self.passes(&heavy);
                self.heavy.lock().unwrap().add(passes);
            }
            let due = u64::from(number + 1) * u64::from(quiet_share * TIMES) / u64::from(share);
            while u64::from(asked) < due {
                let source = asked % quiet_share * self.cpus + cpu;
                if !self.passes(real.with(&quiet(source))) {
                    lost.push(source);
                }
                asked += 1;
            }
        }
        lost
    }

    /// Sends it all. Returns the number of quiet sources that lost a query.
    fn run(&self) -> usize {
        let mut lost: Vec<u32> = thread::scope(|scope| {
            let cpus: Vec<_> = (0..self.cpus)
                .map(|cpu| scope.spawn(move || self.send(cpu)))
                .collect();
            let lost = cpus.into_iter().map(|cpu| cpu.join().unwrap());
            lost.flatten().collect()
        });
        lost.sort_unstable();
        lost.dedup();
        lost.len()
    }
}

#[test]
fn one_cpu_with_forged_sources_harms_no_real_one() {
    check(1);
}

#[test]
fn two_cpus_with_forged_sources_harm_no_real_one() {
    check(2);
}

/// At most one quiet source in a thousand loses a query, and the source over its rate gets its rate.
fn check(cpus: u32) {
    let rates = format!("network_rate={RATE} network_burst={RATE}");
    let pools = ["new_rate=1000 new_burst=20000", "new_rate=0"];
    for (program, pool) in PROGRAMS
        .iter()
        .flat_map(|name| pools.map(|pool| (name, pool)))
    {
        let (lost, rate) = wait_until("the source never pauses until its bucket is full", || {
            attempt(&load(program, &rates, pool), cpus)
        });
        let what = format!("{program}, {cpus} CPUs, {pool}");
        println!("{what}: {lost} of {QUIET} lost, {rate:.3} of the rate");
        assert!(lost <= QUIET as usize / 1000, "{what}: {lost}");
    }
}

fn attempt(filter: &Filter, cpus: u32) -> Result<(usize, f64), Duration> {
    let mut real = Query::ip4();
    for source in 0..QUIET {
        assert_eq!(passes(filter, real.with(&quiet(source)), 2), 2, "{source}");
    }
    let flood = Flood {
        program: &filter.program,
        cpus,
        heavy: Mutex::default(),
    };
    let lost = flood.run();
    let heavy = flood.heavy.into_inner().unwrap();
    if heavy.pause > Duration::from_millis(800) {
        return Err(heavy.pause);
    }
    let (begin, before) = heavy.limited.expect("the source is over its rate");
    let end = heavy.last.expect("the source has sent queries");
    let seconds = end.duration_since(begin).as_secs_f64();
    let (passed, expected) = (f64::from(heavy.passed - before), f64::from(RATE) * seconds);
    // The bucket may have the tokens of a pause left.
    let unsure = f64::from(RATE) * (TICK + heavy.pause.as_secs_f64());
    let margin = expected * 0.05 + unsure;
    assert!(
        (passed - expected).abs() <= margin,
        "{passed} of {expected}"
    );
    Ok((lost, passed / expected))
}
