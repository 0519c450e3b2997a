//! The parts that all stages have in common.

use nix::errno::Errno;

use crate::calls::Call;
use crate::cases::Case;
use crate::place::Place;
use support::net::Daemon;

/// The exit code of an operating system that refused.
const SYSTEM: i32 = 71;

/// When in the daemon's life a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Start,
    Reload,
    Scrape,
    Stop,
}

/// The outcome of a case; everything else is a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It works as if nothing had been, or says what it does without.
    Served,
    /// It says what is wrong, and nothing is changed.
    Refused,
    /// It ended as [`crate::spared::ENDS`] says.
    Ended,
    /// The call was not made this time.
    Missed,
}

/// A process at something it does.
pub(crate) trait Stage: Sync {
    /// As the table calls it.
    fn name(&self) -> String;
    /// The process whose calls fail.
    fn process(&self) -> &'static str;
    fn phase(&self) -> Phase;
    /// The calls that are made when all goes well. With `whole`, also those that another stage has as well.
    fn record(&self, place: &Place, whole: bool) -> Vec<Call>;
    /// Makes ready for cases.
    fn bench<'a>(&'a self, place: &'a Place) -> Box<dyn Bench + 'a>;
}

/// Where a stage's cases are tried.
pub(crate) trait Bench {
    /// Tries one, and leaves everything as it was before.
    fn run(&mut self, case: &Case) -> Outcome;
}

/// A daemon whose end was not asked for: fails unless that is how this failure is told, or how it may end.
pub(crate) fn end(daemon: Daemon, case: &Case) -> Outcome {
    let (code, lines) = daemon.ended();
    if crate::spared::may_end(case, code, &lines) {
        return Outcome::Ended;
    }
    if code != Some(SYSTEM) || !crate::spared::may_be_vague(case, &lines) {
        told(code, &lines, case.errno);
    }
    Outcome::Refused
}

pub(crate) fn told(code: Option<i32>, lines: &[String], errno: Errno) {
    if let Err(why) = crate::verdict::is_told(code, lines, errno) {
        panic!("{why}");
    }
}
