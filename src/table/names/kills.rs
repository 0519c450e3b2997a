//! Kills a writer before any of its stores.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

thread_local! {
    /// Stores until the writer of this thread is killed; `None` if it is not.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Message of the panic that stands for a kill.
struct Killed;

pub(super) fn before_store() {
    match LEFT.get() {
        Some(0) => {
            LEFT.set(None);
            resume_unwind(Box::new(Killed));
        }
        Some(left) => LEFT.set(Some(left - 1)),
        None => {}
    }
}

/// Runs `write` and kills it before store number `stores`. True if it has been killed.
pub(super) fn killed_at(stores: usize, write: impl FnOnce()) -> bool {
    LEFT.set(Some(stores));
    let result = catch_unwind(AssertUnwindSafe(write));
    LEFT.set(None);
    match result {
        Ok(()) => false,
        Err(reason) if reason.is::<Killed>() => true,
        Err(reason) => resume_unwind(reason),
    }
}
