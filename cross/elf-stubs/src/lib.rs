//! Nothing to call: this package exists for the two archives its build script makes.
//!
//! libbpf's own object loader needs libelf and zlib; corexdp reads objects itself and never enters that loader.
#![no_std]
#![forbid(unsafe_code)]
