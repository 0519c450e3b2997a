//! Everyday traffic behind each shipped program. A filter must neither drop nor delay the packets of a *bystander*: a
//! traffic that the filter is not meant to block.
//!
//! A router forwards between a LAN and a WAN. The test attaches each shipped Corefile to the WAN interface and to the LAN
//! interface of the router: unchanged (`monitor=true`), filtering, and with `SCOPE_ALL` if the program has a scope. The
//! test prints a table:
//!
//!     cargo test --locked --test bystander -- --nocapture
//!
//! A filter drops a packet if the counters of the program or of the driver count a drop, or if a traffic loses a packet end
//! to end in each of several tries. A filter is slow if its throughput is below 90 % of the throughput of the baseline in
//! each of several rounds. The baseline is a program that passes all packets. Its row contains its throughput as a share of
//! the throughput without XDP.
//!
//! To add a traffic, write a file `traffic/NAME.rs` with a type that implements [`traffic::Traffic`], and add `mod NAME`
//! and a line to `traffic::all`:
//! - `new(&Router)` starts the servers with [`router::start`] in the namespace `router.lan`, `router.router` or
//!   `router.wan`, and waits until the servers answer. The module `hosts` has further hosts behind both interfaces.
//! - `run` sends packets, and returns the numbers of sent and lost packets, or the step that failed. A run takes at most
//!   about a second, since each traffic runs behind each filter.
//! - `kind` is the promise of corexdp-programs(7) that the traffic tests.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod filter;
mod hosts;
mod router;
mod servers;
mod table;
mod throughput;
mod traffic;
mod trial;

use filter::copy_objects;
use router::{LAN, Router, WAN};
use table::Table;
use trial::Trials;

#[test]
fn filters_pass_everyday_traffic() {
    let router = Router::new();
    copy_objects(&router);
    let traffics = traffic::all(&router);
    let (mut table, mut faults) = (Table(Vec::new()), Vec::new());
    for interface in [WAN, LAN] {
        let mut trials = Trials::new(&router, interface, &traffics);
        trials.run();
        table.0.extend(trials.rows);
        faults.extend(trials.faults);
    }
    println!("{table}");
    assert!(faults.is_empty(), "{faults:#?}");
}
