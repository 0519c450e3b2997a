//! The restrictions of the page's worker and of the daemon: each alone, in a process of its own that tries a forbidden
//! act. Without the restriction the act succeeds.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unsafe_code,
    reason = "a panic is how a test fails; the test makes system calls"
)]

mod calls;
mod inside;
mod parts;
mod sockets;
