//! Frames for an XDP program, a sandbox that runs it, and the model that its verdicts are compared with.

pub mod answer;
pub mod cookie;
pub mod filter;
pub mod frame;
mod headers;
pub mod kernel;
pub mod message;
pub mod model;
pub mod name_table;
pub mod sandbox;
pub mod table;

/// Reads the number of random packets of a test from `COREXDP_PACKETS`; by default `default`, for every run of the tests.
pub fn number(default: u32) -> u32 {
    match std::env::var("COREXDP_PACKETS") {
        Ok(number) => number.parse().expect("COREXDP_PACKETS is a number"),
        Err(_) => default,
    }
}
