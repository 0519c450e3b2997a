//! What holds the page's worker and the daemon: each part alone, in a process of its own that tries what the part
//! forbids, and that could do it without.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod calls;
mod inside;
mod parts;
