//! The start of the keeper, before any BPF object exists.
//!
//! The daemon executes its own binary as the keeper. One strace stops the keeper at its first call, and another strace
//! takes over; the daemon waits meanwhile.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::calls::{Call, calls, lines};
use crate::cases::Case;
use crate::place::Place;
use crate::stage::{Bench, Outcome, Phase, Stage, end};
use crate::start::{Start, serves_or_ends, spawn};
use crate::tracer::{Strace, Task, around, detach_tracer, injected};
use support::net::Daemon;
use support::wait::wait_until;

pub(crate) struct KeeperStart;

impl Stage for KeeperStart {
    fn name(&self) -> String {
        "start".into()
    }

    fn process(&self) -> &'static str {
        "keeper"
    }

    fn phase(&self) -> Phase {
        Phase::Start
    }

    fn record(&self, place: &Place, _: bool) -> Vec<Call> {
        let version = Start::Plain.version();
        place.clear();
        place.write(&version);
        let (daemon, strace) = start_traced(place, Task::Record);
        place.wait_to_serve(&version);
        let traces = strace.detach();
        daemon.stop();
        let calls = calls(&lines(&traces[0]));
        let own = |call: &Call| call.about.contains("\"corexdp-keeper\"");
        let first = calls
            .iter()
            .position(own)
            .expect("the keeper sets its name");
        calls[first..].to_vec()
    }

    fn bench<'a>(&'a self, place: &'a Place) -> Box<dyn Bench + 'a> {
        place.clear();
        place.write(&Start::Plain.version());
        Box::new(KeeperStarts(place))
    }
}

/// Starts the daemon, with strace attached to its keeper before the keeper's first call.
fn start_traced(place: &Place, task: Task<'_>) -> (Daemon, Strace) {
    let starts = place.site.folder.file("starts");
    let _ = fs::remove_file(&starts);
    let daemon = spawn(
        place,
        &mut around(&place.daemon(), Task::StopAtExec, &starts),
    );
    let stopped = wait_until("the keeper is stopped", || {
        let lines = fs::read_to_string(&starts).ok()?;
        let line = lines
            .lines()
            .find(|line| line.contains("--- stopped by SIGSTOP"))?;
        line.split_whitespace().next()?.parse().ok()
    });
    detach_tracer(daemon.pid());
    let strace = Strace::attach(stopped, false, task, &place.trace());
    kill(Pid::from_raw(stopped.cast_signed()), Signal::SIGCONT).unwrap();
    (daemon, strace)
}

struct KeeperStarts<'a>(&'a Place);

impl Bench for KeeperStarts<'_> {
    fn run(&mut self, case: &Case) -> Outcome {
        let place = self.0;
        let (daemon, strace) = start_traced(place, Task::fail(case));
        let outcome = if serves_or_ends(place, &daemon, &Start::Plain.version()) {
            daemon.stop();
            Outcome::Served
        } else {
            end(daemon, case)
        };
        place.wait_for_nothing();
        if injected(&strace.detach()) {
            outcome
        } else {
            Outcome::Missed
        }
    }
}
