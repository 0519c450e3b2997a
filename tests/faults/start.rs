//! The daemon starts, from its first own call until its filter stands and its page is announced.

use std::fs;

use crate::calls::{Call, calls, lines};
use crate::cases::Case;
use crate::place::{Place, Standing, descriptors};
use crate::spared::may_open;
use crate::stage::{Bench, Outcome, Phase, Stage, end};
use crate::tracer::{Wish, around, injected};
use crate::version::Version;
use support::net::{Daemon, lives};
use support::wait::wait_until;

/// The state that the daemon finds, and the state that it is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nothing, and nothing.
    Plain,
    /// Nothing; its filter is to stay.
    Hold,
    /// The filter that it would make itself, which it adopts.
    Adopt,
    /// Another filter, which it replaces.
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

    /// The version of an earlier daemon whose filter is still there.
    fn earlier(self) -> Option<Version> {
        let value = match self {
            Self::Plain | Self::Hold => return None,
            Self::Adopt => Version::FIRST.value,
            Self::Replace => Version::FIRST.value + 1,
        };
        let version = self.version();
        Some(Version { value, ..version })
    }

    /// Puts in place what is to be found.
    fn prepare(self, place: &Place) -> Standing {
        place.clear();
        if let Some(earlier) = self.earlier() {
            place.write(&earlier);
            let daemon = spawn(place, &mut place.daemon());
            place.comes_to_serve(&earlier);
            daemon.stop();
        }
        place.write(&self.version());
        place.standing()
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
        let daemon = spawn(place, &mut around(&place.daemon(), Wish::Record, &trace));
        place.comes_to_serve(&self.version());
        daemon.stop();
        let calls = calls(&lines(&trace));
        let found = |part: &str| {
            let of = calls.iter().position(|call| call.about.contains(part));
            of.unwrap_or_else(|| panic!("{self:?}: no call with {part}"))
        };
        // Earlier calls are the C library's and std's; later calls belong to running.
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
        place.comes_to_serve(&self.version());
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
    /// The descriptors of a daemon that nothing has befallen.
    open: Vec<String>,
    before: Standing,
}

impl Bench for Starts<'_> {
    fn run(&mut self, case: &Case) -> Outcome {
        let (place, trace) = (self.place, self.place.trace());
        let _ = fs::remove_file(&trace);
        let daemon = spawn(
            place,
            &mut around(&place.daemon(), Wish::fail(case), &trace),
        );
        let outcome = if stands(place, &daemon, &self.start.version()) {
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
    /// A daemon that serves although a call failed has no more open than another, and ends as another.
    fn stop(&mut self, daemon: Daemon, case: &Case) {
        let mut rest = self.open.clone();
        for one in descriptors(daemon.pid()) {
            let known = rest.iter().position(|open| *open == one);
            if known.is_none() && may_open(case, &one) {
                continue;
            }
            let known =
                known.unwrap_or_else(|| panic!("LEAK: {one} is open beyond {:?}", self.open));
            rest.swap_remove(known);
        }
        self.place.has_one_filter(&daemon);
        let lines = daemon.stop();
        if self.start == Start::Plain || lines.iter().any(|line| line.contains("will not outlive"))
        {
            self.place.nothing_left();
        } else {
            let standing = self.place.standing();
            assert!(standing.program.is_some(), "{standing:?}: {lines:#?}");
        }
        if self.place.standing() != self.before {
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
            self.place.nothing_left();
        } else {
            self.place.comes_back_to(&self.before);
        }
    }
}

/// Waits until the daemon serves, or has ended.
pub(crate) fn stands(place: &Place, daemon: &Daemon, version: &Version) -> bool {
    wait_until("the daemon serves or has ended", || {
        if !lives(daemon.pid()) {
            return Ok(false);
        }
        let served = place.serves(version).map(|()| true);
        served.map_err(|why| (why, daemon.lines()))
    })
}
