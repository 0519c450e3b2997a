//! Everyday traffic behind each shipped program: nothing of it may lose a packet to a filter, or get slower.
//!
//! A router forwards between a LAN and a WAN. Each shipped Corefile is tried at its WAN interface and at its LAN interface:
//! as it ships (`monitor=true`), filtering, and with `SCOPE_ALL` where a program has a scope. The test prints a table:
//!
//!     cargo test --locked --test bystander -- --nocapture
//!
//! To add a traffic: a file `traffic/NAME.rs` with a type that implements [`traffic::Traffic`], `mod NAME` and a row in
//! `traffic::all`. `new(&Router)` starts the servers, by [`router::start`] in the namespace `router.lan`, `router.router`
//! or `router.wan`, and waits until they answer. `run` sends some packets, and says how many were sent and lost end to
//! end; `kind` which promise of corexdp-programs(7) it is for. It takes a second or less, since it runs behind each filter, beside other traffics. An `Err` tells the step that
//! failed. The runner compares with no filter, and reads the drops of the filter itself.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod filter;
mod router;
mod traffic;

use filter::{Dropped, Filter, bring_objects};
use router::{LAN, Router, WAN};

#[test]
fn no_filter_harms_a_bystander() {
    let router = Router::new();
    bring_objects(&router);
    let traffics = traffic::all(&router);
    let mut wrong = Vec::new();
    for interface in [WAN, LAN] {
        for filter in std::iter::once(Filter::pass()).chain(Filter::all()) {
            let daemon = router.filter(&filter.corefile(interface));
            for traffic in traffics.iter().filter(|one| filter.passes(one.kind())) {
                let before = Dropped::at(&router, interface);
                let carried = traffic.run(&router);
                let after = Dropped::at(&router, interface);
                println!(
                    "{interface} {} {}: {}: {carried:?} {after:?}",
                    filter.program,
                    filter.variant,
                    traffic.name()
                );
                if carried.is_err() || before != after {
                    wrong.push((filter.program.clone(), filter.variant, traffic.name()));
                }
            }
            daemon.stop();
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
