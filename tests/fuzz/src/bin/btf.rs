//! See `targets::btf` and `mutate::btf`.

#![no_main]

use corexdp_fuzz::{mutate, targets};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| targets::btf::run(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::btf::change(data, size, max_size, seed)
});
