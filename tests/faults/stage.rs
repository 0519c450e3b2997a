//! The common parts of all stages.

use nix::errno::Errno;

use crate::calls::Call;
use crate::cases::Case;
use crate::place::Place;
use support::net::Daemon;

/// The exit code for an error of the operating system.
const SYSTEM: i32 = 71;

/// The phase of the daemon's life in which a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Start,
    Reload,
    Scrape,
    Stop,
}

/// The outcome of a case. Every other outcome is a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The daemon serves as if no call had failed, or logs what it does without.
    Served,
    /// The daemon reports the error, and nothing is changed.
    Refused,
    /// A signal ended the daemon, as accepted by [`crate::spared::may_end`].
    Ended,
    /// The call was not made this time.
    Missed,
}

/// A process in one phase of its work.
pub(crate) trait Stage: Sync {
    /// The name in the table.
    fn name(&self) -> String;
    /// The process whose calls fail.
    fn process(&self) -> &'static str;
    fn phase(&self) -> Phase;
    /// The calls of a run without faults. With `whole`, includes the calls that another stage covers.
    fn record(&self, place: &Place, whole: bool) -> Vec<Call>;
    /// Prepares for cases.
    fn bench<'a>(&'a self, place: &'a Place) -> Box<dyn Bench + 'a>;
}

/// The prepared state for the cases of a stage.
pub(crate) trait Bench {
    /// Runs one case, and restores the state.
    fn run(&mut self, case: &Case) -> Outcome;
}

/// Handles a daemon that ended by itself: fails unless it reported the failure or may end so.
pub(crate) fn end(daemon: Daemon, case: &Case) -> Outcome {
    let (code, lines) = daemon.ended();
    if crate::spared::may_end(case, code, &lines) {
        return Outcome::Ended;
    }
    if code != Some(SYSTEM) || !crate::spared::may_be_vague(case, &lines) {
        reported(code, &lines, case.errno);
    }
    Outcome::Refused
}

pub(crate) fn reported(code: Option<i32>, lines: &[String], errno: Errno) {
    if let Err(why) = crate::verdict::is_reported(code, lines, errno) {
        panic!("{why}");
    }
}
