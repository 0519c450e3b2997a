//! The start of the daemon, from its first own call until its filter is attached and its page is announced.

use std::fs;

use crate::calls::{Call, calls, lines};
use crate::cases::Case;
use crate::place::{Place, State, descriptors};
use crate::spared::may_open;
use crate::stage::{Bench, Outcome, Phase, Stage, end};
use crate::tracer::{Task, around, injected};
use crate::version::Version;
use support::net::{Daemon, lives};
use support::wait::wait_until;

/// The state before the start, and the state to be left at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// There is no filter, and none is left.
    Plain,
    /// There is no filter; the filter is held.
    Hold,
    /// There is a held filter that the daemon adopts.
    Adopt,
    /// There is a held filter that the daemon replaces.
    Replace,
}

impl Start {
    pub(crate) fn version(self) -> Version {
        let plain = self == Self::Plain;
        Version {
            debug: plain,
            second: plain,
            holds: !plain,
            ..Version::FIRST
        }
    }

    /// The version of an earlier daemon whose filter is still attached.
    fn earlier(self) -> Option<Version> {
        let value = match self {
            Self::Plain | Self::Hold => return None,
            Self::Adopt => Version::FIRST.value,
            Self::Replace => Version::FIRST.value + 1,
        };
        let version = self.version();
        Some(Version { value, ..version })
    }

    /// Prepares the state before the start.
    fn prepare(self, place: &Place) -> State {
        place.clear();
        if let Some(earlier) = self.earlier() {
            place.write(&earlier);
            let daemon = spawn(place, &mut place.daemon());
            place.wait_to_serve(&earlier);
            daemon.stop();
        }
        place.write(&self.version());
        place.state()
    }
}

impl Stage for Start {
    fn name(&self) -> String {
        format!("start ({self:?})")
    }

    fn process(&self) -> &'static str {
        "daemon"
    }

    fn phase(&self) -> Phase {
        Phase::Start
    }

    fn record(&self, place: &Place, whole: bool) -> Vec<Call> {
        self.prepare(place);
        let trace = place.trace();
        let daemon = spawn(place, &mut around(&place.daemon(), Task::Record, &trace));
        place.wait_to_serve(&self.version());
        daemon.stop();
        let calls = calls(&lines(&trace));
        let found = |part: &str| {
            let of = calls.iter().position(|call| call.about.contains(part));
            of.unwrap_or_else(|| panic!("{self:?}: no call with {part}"))
        };
        // Earlier calls belong to the C library and std, later calls to the running daemon.
        let first = match self {
            Self::Plain => found("\"Corefile\""),
            _ if whole => found("\"Corefile\""),
            _ => found("/sys/fs/bpf"),
        };
        calls[first..=found("\"page: http")].to_vec()
    }

    fn bench<'a>(&'a self, place: &'a Place) -> Box<dyn Bench + 'a> {
        self.prepare(place);
        let daemon = spawn(place, &mut place.daemon());
        place.wait_to_serve(&self.version());
        let open = descriptors(daemon.pid());
        daemon.stop();
        let before = self.prepare(place);
        Box::new(Starts {
            start: *self,
            place,
            open,
            before,
        })
    }
}

pub(crate) fn spawn(place: &Place, command: &mut std::process::Command) -> Daemon {
    place.site.server.enter(|| Daemon::spawn(command))
}

struct Starts<'a> {
    start: Start,
    place: &'a Place,
    /// The descriptors of a daemon without faults.
    open: Vec<String>,
    before: State,
}

impl Bench for Starts<'_> {
    fn run(&mut self, case: &Case) -> Outcome {
        let (place, trace) = (self.place, self.place.trace());
        let _ = fs::remove_file(&trace);
        let daemon = spawn(
            place,
            &mut around(&place.daemon(), Task::fail(case), &trace),
        );
        let outcome = if serves_or_ends(place, &daemon, &self.start.version()) {
            self.stop(daemon, case);
            Outcome::Served
        } else {
            let outcome = end(daemon, case);
            self.nothing_changed(case, outcome);
            outcome
        };
        if injected(&[trace]) {
            outcome
        } else {
            Outcome::Missed
        }
    }
}

impl Starts<'_> {
    /// Stops a daemon that serves after a fault. It must have no additional descriptor, and end like any other.
    fn stop(&mut self, daemon: Daemon, case: &Case) {
        let mut rest = self.open.clone();
        for open in descriptors(daemon.pid()) {
            let known = rest.iter().position(|known| *known == open);
            if known.is_none() && may_open(case, &open) {
                continue;
            }
            let known =
                known.unwrap_or_else(|| panic!("LEAK: {open} is open beyond {:?}", self.open));
            rest.swap_remove(known);
        }
        self.place.has_one_filter(&daemon);
        let lines = daemon.stop();
        if self.start == Start::Plain || lines.iter().any(|line| line.contains("will not outlive"))
        {
            self.place.wait_for_nothing();
        } else {
            let state = self.place.state();
            assert!(state.program.is_some(), "{state:?}: {lines:#?}");
        }
        if self.place.state() != self.before {
            self.before = self.start.prepare(self.place);
        }
    }

    fn nothing_changed(&mut self, case: &Case, outcome: Outcome) {
        if outcome == Outcome::Refused && case.call.name != "unlink" {
            for name in ["control", "pid"] {
                let left = self.place.site.folder.file(name).exists();
                assert!(!left, "LEAK: the file {name} is still there");
            }
        }
        if self.before.program.is_none() {
            self.place.wait_for_nothing();
        } else {
            self.place.wait_for_state(&self.before);
        }
    }
}

/// Waits until the daemon serves (true) or has ended (false).
pub(crate) fn serves_or_ends(place: &Place, daemon: &Daemon, version: &Version) -> bool {
    wait_until("the daemon serves or has ended", || {
        if !lives(daemon.pid()) {
            return Ok(false);
        }
        let served = place.serves(version).map(|()| true);
        served.map_err(|why| (why, daemon.lines()))
    })
}
