//! The page's keeper begins, before there is anything of BPF.
//!
//! The daemon makes it by running its own binary again, so one strace sees it born and stops it, and another one takes
//! over; the daemon waits meanwhile.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::calls::{Call, calls, lines};
use crate::cases::Case;
use crate::place::Place;
use crate::stage::{Bench, Outcome, Phase, Stage, end};
use crate::start::{Start, spawn, stands};
use crate::tracer::{Strace, Wish, around, injected, let_go};
use support::net::Daemon;
use support::wait::wait_until;

pub(crate) struct Birth;

impl Stage for Birth {
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
        let (daemon, strace) = born(place, Wish::Record);
        place.comes_to_serve(&version);
        let traces = strace.detach();
        daemon.stop();
        let calls = calls(&lines(&traces[0]));
        let own = |call: &Call| call.about.contains("\"corexdp-keeper\"");
        let first = calls.iter().position(own).expect("it takes its name");
        calls[first..].to_vec()
    }

    fn bench<'a>(&'a self, place: &'a Place) -> Box<dyn Bench + 'a> {
        place.clear();
        place.write(&Start::Plain.version());
        Box::new(Births(place))
    }
}

/// Starts the daemon, with strace at its keeper from before the keeper's first call.
fn born(place: &Place, wish: Wish<'_>) -> (Daemon, Strace) {
    let births = place.site.folder.file("births");
    let _ = fs::remove_file(&births);
    let daemon = spawn(
        place,
        &mut around(&place.daemon(), Wish::StopAtBirth, &births),
    );
    let stopped = wait_until("the keeper is stopped", || {
        let lines = fs::read_to_string(&births).ok()?;
        let line = lines
            .lines()
            .find(|line| line.contains("--- stopped by SIGSTOP"))?;
        line.split_whitespace().next()?.parse().ok()
    });
    let_go(daemon.pid());
    let strace = Strace::attach(stopped, false, wish, &place.trace());
    kill(Pid::from_raw(stopped.cast_signed()), Signal::SIGCONT).unwrap();
    (daemon, strace)
}

struct Births<'a>(&'a Place);

impl Bench for Births<'_> {
    fn run(&mut self, case: &Case) -> Outcome {
        let place = self.0;
        let (daemon, strace) = born(place, Wish::fail(case));
        let outcome = if stands(place, &daemon, &Start::Plain.version()) {
            daemon.stop();
            Outcome::Served
        } else {
            end(daemon, case)
        };
        place.nothing_left();
        if injected(&strace.detach()) {
            outcome
        } else {
            Outcome::Missed
        }
    }
}
