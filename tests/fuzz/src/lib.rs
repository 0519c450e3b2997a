//! Fuzz targets of corexdp, under LLVM's libFuzzer.
//!
//! `targets` checks properties of one input and does not depend on the fuzzer: `cargo test` of corexdp runs the same
//! functions on every seed and every found case. `mutate` has the mutators of structured inputs. Each file in `bin/`
//! joins both for one target. A new target needs a function in `targets`, a line in [`targets::TARGETS`], a file in
//! `bin/`, a folder in `seeds/` and a test in `tests/fuzz/main.rs`.

#![warn(missing_docs)]

pub mod mutate;
pub mod targets;

#[global_allocator]
static ALLOCATOR: targets::memory::Counting = targets::memory::Counting;
