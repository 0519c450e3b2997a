//! The restrictions of the page's worker and of the daemon: each alone, in a process of its own that tries a forbidden
//! act. Without the restriction the act succeeds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod calls;
mod inside;
mod parts;
