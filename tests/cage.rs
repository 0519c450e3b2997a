//! What holds the page's worker and the daemon: each part alone, in a process of its own that tries what the part
//! forbids, and that could do it without.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "cage/calls.rs"]
mod calls;
#[path = "cage/inside.rs"]
mod inside;
#[path = "cage/parts.rs"]
mod parts;
