//! Waiting for a state, never for a time: a busy machine takes longer, and comes to the same state.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The limit of every wait. Generous, so that only a state that never comes fails a test.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Tries of [`prompt`].
const TRIES: usize = 10;

/// The result of one look: the awaited state, or a description of the present one.
pub trait Look {
    type State;
    /// # Errors
    /// The text is what is there instead.
    fn state(self) -> Result<Self::State, String>;
}

impl<T> Look for Option<T> {
    type State = T;

    fn state(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".to_owned())
    }
}

impl<T, E: Debug> Look for Result<T, E> {
    type State = T;

    fn state(self) -> Result<T, String> {
        self.map_err(|seen| format!("{seen:?}"))
    }
}

/// Looks until the awaited state is there; fails after [`PATIENCE`] with what was awaited and what was seen last.
pub fn wait_until<L: Look>(awaited: &str, mut look: impl FnMut() -> L) -> L::State {
    let begin = Instant::now();
    loop {
        match look().state() {
            Ok(state) => return state,
            Err(seen) => assert!(
                begin.elapsed() < PATIENCE,
                "waited {PATIENCE:?} until {awaited}; last seen: {seen}"
            ),
        }
        sleep(LOOK_EVERY);
    }
}

/// As [`wait_until`], until a reading has the expected value.
pub fn wait_for<T: PartialEq + Debug>(reading: &str, expected: &T, mut read: impl FnMut() -> T) {
    wait_until(&format!("{reading} is {expected:?}"), || {
        let seen = read();
        if seen == *expected { Ok(()) } else { Err(seen) }
    });
}

/// Tells the other threads of a test that it is over, also when it fails: they look at the flag.
pub struct End<'a>(pub &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Repeats an act that is promised to take at most `limit`, until it does. A try that the machine holds up is followed
/// by another; an act that is always late fails. The act gets the number of the try, from 0, and returns its delay.
pub fn prompt(limit: Duration, mut act: impl FnMut(usize) -> Duration) {
    let mut delays = Vec::new();
    for number in 0..TRIES {
        let delay = act(number);
        if delay <= limit {
            return;
        }
        delays.push(delay);
    }
    panic!("each of {TRIES} tries took longer than {limit:?}: {delays:?}");
}
