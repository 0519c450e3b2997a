//! Samples of the resources of the three processes.

use std::collections::BTreeSet;
use std::fs;

use crate::Soak;
use support::net::pause;

/// Where a process keeps its kernel objects: the words of `/proc/PID/fdinfo/N`, and what they are of.
const OBJECTS: [&str; 3] = ["map_id:", "prog_id:", "link_id:"];
const PROCESSES: [&str; 3] = ["daemon", "keeper", "worker"];
/// Upper bound of a process's growth from the first half to the second, in KiB: pages of its heap that were touched
/// later.
const SLACK: u64 = 64;

#[derive(Default)]
pub(crate) struct Samples(Vec<Sample>);

struct Sample {
    second: u64,
    processes: [Process; 3],
    /// Distinct maps, programs and links.
    objects: [usize; 3],
}

#[derive(Clone, Copy)]
struct Process {
    pid: u32,
    /// Proportional set size in KiB.
    memory: u64,
    descriptors: usize,
    threads: u64,
}

impl Samples {
    pub(crate) fn take(&mut self, soak: &Soak) {
        let daemon = &soak.daemon;
        let pids = [daemon.pid(), daemon.keeper(), daemon.worker()];
        self.0.push(Sample {
            second: soak.begin.elapsed().as_secs(),
            processes: pids.map(Process::of),
            objects: OBJECTS.map(|word| objects(daemon.pid(), word)),
        });
    }

    /// Ten of them, the first and the last among these.
    pub(crate) fn print(&self) {
        println!(
            "each with its PSS in KiB, its descriptors, its threads; then maps, programs and links held:"
        );
        let last = self.0.len().saturating_sub(1);
        let shown: BTreeSet<_> = (0..10).map(|tenth| last * tenth / 9).collect();
        for sample in shown.into_iter().filter_map(|index| self.0.get(index)) {
            print!("{:>6} s", sample.second);
            for (name, process) in PROCESSES.iter().zip(&sample.processes) {
                let Process {
                    memory,
                    descriptors,
                    threads,
                    ..
                } = process;
                print!("  {name} {memory:>5} {descriptors:>3} {threads:>2}");
            }
            println!("  {:?}", sample.objects);
        }
    }

    /// Fails if the second half holds more than the first, or the processes are others.
    pub(crate) fn check(&self) {
        let (early, late) = self.0.split_at(self.0.len() / 2);
        assert!(!early.is_empty(), "too short a soak to compare anything");
        let objects: BTreeSet<_> = self.0.iter().map(|sample| sample.objects).collect();
        assert_eq!(objects.len(), 1, "kernel objects: {objects:?}");
        for (index, name) in PROCESSES.iter().enumerate() {
            let most = |samples: &[Sample], of: fn(&Process) -> u64| {
                let all = samples.iter().map(|sample| of(&sample.processes[index]));
                all.max().unwrap()
            };
            let grown = |of| (most(early, of), most(late, of));
            let pids: BTreeSet<_> = self
                .0
                .iter()
                .map(|sample| sample.processes[index].pid)
                .collect();
            // A reload that changes the page's addresses starts another worker, which has their sockets.
            assert!(
                pids.len() == 1 || *name == "worker",
                "{name} was another: {pids:?}"
            );
            let (before, after) = grown(|process| process.memory);
            assert!(
                after <= before + SLACK,
                "{name}: from {before} to {after} KiB"
            );
            let (before, after) = grown(|process| process.descriptors as u64);
            assert!(
                after <= before,
                "{name}: from {before} to {after} descriptors"
            );
            let (before, after) = grown(|process| process.threads);
            assert!(after <= before, "{name}: from {before} to {after} threads");
        }
    }
}

impl Process {
    fn of(pid: u32) -> Self {
        let descriptors = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        let threads = || number(&format!("/proc/{pid}/status"), "Threads:");
        Self {
            pid,
            memory: number(&format!("/proc/{pid}/smaps_rollup"), "Pss:"),
            descriptors: least(descriptors),
            threads: least(threads),
        }
    }
}

/// The value while no request is answered: the least of several readings.
fn least<T: Ord>(mut look: impl FnMut() -> T) -> T {
    let again = || {
        pause(20);
        look()
    };
    std::iter::repeat_with(again).take(20).min().unwrap()
}

fn number(file: &str, word: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap();
    let rest = text
        .lines()
        .find_map(|line| line.strip_prefix(word))
        .unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

fn objects(pid: u32, word: &str) -> usize {
    let files = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
    // A descriptor may be closed between the two looks.
    let texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
    let ids: BTreeSet<String> = texts
        .filter_map(|text| {
            Some(
                text.lines()
                    .find_map(|line| line.strip_prefix(word))?
                    .trim()
                    .to_owned(),
            )
        })
        .collect();
    ids.len()
}
