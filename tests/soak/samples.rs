//! Samples of the resources of the three processes.

use std::collections::BTreeSet;
use std::fs;

use crate::Soak;
use support::net::pause;

/// Fields of `/proc/PID/fdinfo/N` with the ids of maps, programs and links.
const OBJECTS: [&str; 3] = ["map_id:", "prog_id:", "link_id:"];
const PROCESSES: [&str; 3] = ["daemon", "keeper", "worker"];
/// Upper bound in KiB of a process's growth from the first half to the second: heap pages that are touched late.
const SLACK: u64 = 64;

#[derive(Default)]
pub(crate) struct Samples(Vec<Sample>);

struct Sample {
    second: u64,
    processes: [Process; 3],
    /// Numbers of distinct maps, programs and links.
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

    /// Prints ten samples, the first and the last among them.
    pub(crate) fn print(&self) {
        println!(
            "PSS in KiB, descriptors and threads of each process; then the numbers of maps, programs and links:"
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

    /// Fails if the second half uses more resources than the first, or if the daemon or its keeper was replaced.
    pub(crate) fn check(&self) {
        let (early, late) = self.0.split_at(self.0.len() / 2);
        assert!(!early.is_empty(), "the soak is too short for a comparison");
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
            // A reload that changes the page's addresses starts a new worker with the new sockets.
            assert!(
                pids.len() == 1 || *name == "worker",
                "{name} was replaced: {pids:?}"
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

/// The least of several readings: the value while no request is served.
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
    // A descriptor may be closed after the folder was listed.
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
