//! Waiting for a state, never for a time: a busy machine takes longer, and reaches the same state.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The limit of every wait. It is generous, so that only a state that never comes fails a test.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The number of tries of [`prompt`].
const TRIES: usize = 10;

/// The result of one look: the awaited state, or a description of the present state.
pub trait Look {
    type State;
    /// # Errors
    /// The error describes the present state.
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

/// Calls `look` until it returns the awaited state. Fails after [`PATIENCE`] with the awaited state and the last one
/// seen.
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

/// Waits until a reading has the expected value; see [`wait_until`].
pub fn wait_for<T: PartialEq + Debug>(reading: &str, expected: &T, mut read: impl FnMut() -> T) {
    wait_until(&format!("{reading} is {expected:?}"), || {
        let seen = read();
        if seen == *expected { Ok(()) } else { Err(seen) }
    });
}

/// Sets the flag that tells the other threads of a test to end, also when the test fails.
pub struct End<'a>(pub &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Repeats an act until it takes at most `limit`, and fails if no try does. A busy machine may delay a single try; an
/// act that is always late breaks its promise. The act receives the number of the try, from 0, and returns its delay.
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
