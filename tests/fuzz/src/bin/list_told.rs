//! See `targets::lists`.

#![no_main]

use corexdp_fuzz::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| targets::lists::run(data, None));
