//! `corexdp run` from outside: real Corefiles, real packets, and the view of the kernel, a scraper and an operator.
//! Each test has its own network namespaces; see `support::net`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod abuse;
mod abusive_clients;
#[cfg(feature = "faults")]
mod allocations;
mod calls;
mod capabilities;
mod capture;
mod chains;
mod changes;
mod clients;
mod confinement;
mod confirmation;
mod connections;
mod control;
mod cookies;
mod decisions;
mod detached;
mod differences;
mod dump;
mod exact_verdicts;
mod examples;
mod fairness;
mod fallback;
mod filling;
mod flood;
mod foreign;
mod gate;
mod health;
mod holding;
mod host;
mod interfaces;
mod interrupting;
mod keeper;
mod kernel_types;
mod libxdp;
mod limits;
mod link_changes;
mod link_traffic;
mod link_types;
mod listening;
mod lists;
mod map_sizes;
mod measuring;
mod memory;
mod modes;
mod notifying;
mod page;
mod per_cpu;
mod pid_file;
mod proofs;
mod provisioning;
mod refusals;
mod reloading;
mod renewing;
mod samples;
mod secrets;
mod special_files;
mod status;
mod status_text;
mod stopping;
mod tables;
mod top;
mod trial;
mod uncounted_verdicts;
mod unread_log;
mod variables;
mod verdicts;
mod veth;
mod waiting;
mod wall_clock;
mod words;

use support::packets::frame;

/// One filter with one entry and one metric, and a page.
const COREFILE: &str = ". {
  prometheus
  ebpf {
    if edge0
    elf example.o
    map 0A0B0000.FFFF0000.00000000
    metric example_packets 00000000 8 4 \"Example count.\"
  }
}
";

/// A UDP packet from `source`.
fn packet(source: &str) -> Vec<u8> {
    frame::ip4(source).udp(53).bytes
}
