//! Everyday traffic behind each shipped program: nothing of it may lose a packet to a filter, or get slower.
//!
//! A router forwards between a LAN and a WAN. Each shipped Corefile is tried at its WAN interface and at its LAN interface:
//! as it ships (`monitor=true`), filtering, and with `SCOPE_ALL` where a program has a scope. The test prints a table:
//!
//!     cargo test --locked --test bystander -- --nocapture
//!
//! A filter loses a packet if its own counters or those of the driver say so, or if a traffic misses something end to end
//! in each of several tries. A filter is slow if the throughput is below nine tenths of that behind a program that passes
//! everything, in each of several rounds. The row of that program has its share of the throughput without XDP.
//!
//! To add a traffic: a file `traffic/NAME.rs` with a type that implements [`traffic::Traffic`], `mod NAME` and a line in
//! `traffic::all`. `new(&Router)` starts the servers, by [`router::start`] in the namespace `router.lan`, `router.router`
//! or `router.wan`, and waits until they answer; `hosts` has more hosts behind both interfaces. `run` sends some packets,
//! and says how many were sent and lost end to end; `kind` which promise of corexdp-programs(7) it is for. It takes a
//! second or less, since it runs behind each filter, beside the other traffics. An `Err` tells the step that failed.

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

use filter::bring_objects;
use router::{LAN, Router, WAN};
use table::Table;
use trial::Trials;

#[test]
fn no_filter_harms_a_bystander() {
    let router = Router::new();
    bring_objects(&router);
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
