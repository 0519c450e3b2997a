//! The stop of the daemon: it detaches its filter, or leaves it attached, whatever call fails.

use crate::calls::{Call, calls, lines};
use crate::cases::Case;
use crate::place::Place;
use crate::stage::{Bench, Outcome, Phase, Stage};
use crate::start::{Start, spawn};
use crate::tracer::{Strace, Task, injected};
use support::net::Daemon;

/// The way in which the daemon was started.
pub(crate) struct Stop(pub(crate) Start);

impl Stop {
    fn traced(&self, place: &Place, task: Task<'_>) -> (Daemon, Strace) {
        let version = self.0.version();
        place.clear();
        place.write(&version);
        let daemon = spawn(place, &mut place.daemon());
        place.wait_to_serve(&version);
        let strace = Strace::attach(daemon.pid(), false, task, &place.trace());
        (daemon, strace)
    }
}

impl Stage for Stop {
    fn name(&self) -> String {
        format!("stop ({:?})", self.0)
    }

    fn process(&self) -> &'static str {
        "daemon"
    }

    fn phase(&self) -> Phase {
        Phase::Stop
    }

    fn record(&self, place: &Place, _: bool) -> Vec<Call> {
        let (daemon, strace) = self.traced(place, Task::Record);
        daemon.stop();
        calls(&lines(&strace.detach()[0]))
    }

    fn bench<'a>(&'a self, place: &'a Place) -> Box<dyn Bench + 'a> {
        Box::new(Stops(self, place))
    }
}

struct Stops<'a>(&'a Stop, &'a Place);

impl Bench for Stops<'_> {
    fn run(&mut self, case: &Case) -> Outcome {
        let Self(stop, place) = self;
        let (daemon, strace) = stop.traced(place, Task::fail(case));
        let before = place.state();
        daemon.stop();
        if stop.0 == Start::Plain {
            place.wait_for_nothing();
        } else {
            place.wait_for_state(&before);
        }
        if injected(&strace.detach()) {
            Outcome::Served
        } else {
            Outcome::Missed
        }
    }
}
