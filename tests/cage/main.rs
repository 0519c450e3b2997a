//! The restrictions of the page's worker and of the daemon. Each restriction is applied alone in its own process, which
//! attempts a forbidden act. Without the restriction the act succeeds.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unsafe_code,
    reason = "a panic is how a test fails; the test makes system calls"
)]

mod calls;
mod forbidden;
mod inside;
mod parts;
mod sockets;
