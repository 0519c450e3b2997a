//! Records every stage, and then runs all cases on several threads, each with its own place.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::cases::{Case, cases};
use crate::place::{Place, own_mounts};
use crate::spared;
use crate::stage::{Outcome, Stage};

/// More threads than CPUs, since strace and the daemon mostly wait for each other.
const THREADS: usize = 4;
/// Number of consecutive cases of a stage in one place.
const CHUNK: usize = 12;

/// A case, the number of its stage, and its outcome or error.
pub(crate) struct Tried {
    pub(crate) stage: usize,
    pub(crate) case: Case,
    pub(crate) result: Result<Outcome, String>,
}

/// Distributes the items to the threads, and collects the results.
fn spread<T: Send, R: Send>(
    items: Vec<T>,
    act: impl Fn(&mut Option<Place>, T) -> Vec<R> + Sync,
) -> Vec<R> {
    let queue = Mutex::new(VecDeque::from(items));
    let made = Mutex::new(Vec::new());
    let next = || {
        queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                own_mounts();
                let mut place = None;
                while let Some(item) = next() {
                    let results = act(&mut place, item);
                    made.lock().unwrap().extend(results);
                }
            });
        }
    });
    made.into_inner().unwrap()
}

/// The cases of all stages, in chunks.
pub(crate) fn record(stages: &[Box<dyn Stage>], all: bool) -> Vec<(usize, Vec<Case>)> {
    let mut chunks = spread((0..stages.len()).collect(), |place, stage| {
        let place = place.get_or_insert_with(Place::new);
        let calls = stages[stage].record(place, all);
        assert!(!calls.is_empty(), "{} makes no call", stages[stage].name());
        let cases = cases(stage, &calls, all);
        cases
            .chunks(CHUNK)
            .map(|chunk| (stage, chunk.to_vec()))
            .collect()
    });
    chunks.sort_by_key(|(stage, _)| *stage);
    chunks
}

/// Runs all cases.
pub(crate) fn run(stages: &[Box<dyn Stage>], chunks: Vec<(usize, Vec<Case>)>) -> Vec<Tried> {
    spread(chunks, |place, (stage, mut cases)| {
        let mut tried = Vec::new();
        while !cases.is_empty() {
            let here = place.get_or_insert_with(Place::new);
            let sound = AssertUnwindSafe(|| {
                in_turn(stages[stage].as_ref(), here, &mut cases, |case, outcome| {
                    tried.push(Tried {
                        stage,
                        case,
                        result: Ok(outcome),
                    });
                });
            });
            if let Err(wrong) = catch_unwind(sound) {
                let case = cases.remove(0);
                tried.push(Tried {
                    stage,
                    case,
                    result: Err(words(wrong.as_ref())),
                });
                // The state of the place is unknown after a failure.
                *place = None;
            }
        }
        tried
    })
}

/// Runs cases until all are done or one panics; the case that panicked stays first in `cases`.
fn in_turn(
    stage: &dyn Stage,
    place: &Place,
    cases: &mut Vec<Case>,
    mut done: impl FnMut(Case, Outcome),
) {
    let mut bench = stage.bench(place);
    while let Some(case) = cases.first() {
        let mut outcome = bench.run(case);
        if outcome == Outcome::Missed {
            // Calls that allocate memory depend on earlier cases, so the case runs again in a new bench.
            drop(bench);
            bench = stage.bench(place);
            outcome = bench.run(case);
        }
        let missed = outcome == Outcome::Missed;
        let may_be = spared::may_be_missed(stage.process(), &case.call);
        assert!(!missed || may_be, "the call is not made this time");
        done(cases.remove(0), outcome);
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a message".into())
}
