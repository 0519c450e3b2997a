//! See `targets::packet`.

#![no_main]

use corexdp_fuzz::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| targets::packet::run(data));
