//! Fuzz targets of corexdp, under LLVM's libFuzzer.
//!
//! `targets` says what is tried with an input, and knows nothing of the fuzzer: `cargo test` of corexdp runs the same
//! functions on every seed and every found case. `mutate` is how inputs with a structure are changed without losing it.
//! Each file in `bin/` joins the two for one target. A new target takes a function in `targets`, a line in
//! [`targets::TARGETS`], a file in `bin/`, a folder in `seeds/` and a test in `tests/fuzz/main.rs`.

#![warn(missing_docs)]

pub mod mutate;
pub mod targets;

#[global_allocator]
static ALLOCATOR: targets::memory::Counting = targets::memory::Counting;
