//! Tables of random lists against a naive model.

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::single_match_else,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod killed;
mod lists;
mod model;
mod updated;
