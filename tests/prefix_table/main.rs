//! The lookup of `bpf/prefix_table.h` in the kernel, against the lists that it was built from.

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod decided;
mod found;
mod table;
