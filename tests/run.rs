//! `corexdp run` from outside: real Corefiles, real packets, and what the kernel, a scraper and an operator see of it.
//! Each test has network namespaces of its own; see `net`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "run/abuse.rs"]
mod abuse;
#[cfg(feature = "faults")]
#[path = "run/allocations.rs"]
mod allocations;
#[path = "run/calls.rs"]
mod calls;
#[path = "run/changes.rs"]
mod changes;
#[path = "run/confinement.rs"]
mod confinement;
#[path = "run/control.rs"]
mod control;
#[path = "run/differences.rs"]
mod differences;
#[path = "run/doors.rs"]
mod doors;
#[path = "run/dump.rs"]
mod dump;
#[path = "run/examples.rs"]
mod examples;
#[path = "run/filling.rs"]
mod filling;
#[path = "run/flood.rs"]
mod flood;
#[path = "run/foreign.rs"]
mod foreign;
// Its own tests use the rest of it.
#[allow(dead_code, unreachable_pub)]
#[path = "packets/frame.rs"]
mod frame;
#[path = "run/gate.rs"]
mod gate;
#[path = "run/holding.rs"]
mod holding;
#[path = "run/interfaces.rs"]
mod interfaces;
#[path = "run/keeper.rs"]
mod keeper;
#[path = "run/measuring.rs"]
mod measuring;
#[path = "run/modes.rs"]
mod modes;
mod net;
#[path = "run/notifying.rs"]
mod notifying;
mod objects;
#[path = "run/page.rs"]
mod page;
#[path = "run/provisioning.rs"]
mod provisioning;
#[path = "run/refusals.rs"]
mod refusals;
#[path = "run/reloading.rs"]
mod reloading;
#[path = "run/renewing.rs"]
mod renewing;
#[path = "run/status.rs"]
mod status;
#[path = "run/stopping.rs"]
mod stopping;
#[path = "run/strangers.rs"]
mod strangers;
#[path = "run/waiting.rs"]
mod waiting;
#[path = "run/words.rs"]
mod words;

/// A UDP packet from `source`.
fn packet(source: &str) -> Vec<u8> {
    frame::ip4(source).udp(53).bytes
}
