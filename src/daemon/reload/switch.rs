//! Replaces the running filters with the filters of a plan: all of them, or none.

use std::time::Duration;

use crate::daemon::error::Error;
use crate::daemon::state::Filters;
use crate::filter::{self, Chain, Durability, Filter, Prepared};
use crate::kernel::map_scan::Scan;
use crate::log::Log;

/// Replaces the running filter of each interface with the filter of the plan, and returns the new filters. A filter of
/// which only entries change keeps its program attached. `running` then contains the replaced filters, which are detached
/// and can be [put back](put_back). Final filters still need a call of [`persist`].
///
/// # Errors
/// The error of the first filter that cannot be replaced; all filters of `running` are then attached as before.
pub(in crate::daemon) fn switch(
    running: &mut Filters,
    prepared: Vec<(Chain<'_>, Prepared)>,
    scan: &mut Scan,
    log: &Log,
    durability: Durability,
) -> Result<Filters, Error> {
    let mut new = Filters::default();
    for (chain, prepared) in prepared {
        let switched = match same_interface(running, &chain.head.block.interface) {
            Some(old) => filter::replace(&chain, old, prepared, durability, scan),
            None => filter::attach(&chain, prepared),
        };
        match switched {
            // Cannot fail: the list of `ebpf` blocks has the same capacity.
            Ok(filter) => drop(new.push(filter)),
            Err(error) => {
                put_back(running, new, log);
                return Err(error.into());
            }
        }
    }
    // The plan does not name the filters that are still attached.
    for old in running.iter_mut().filter(|old| old.attachment().is_some()) {
        old.detach();
    }
    Ok(new)
}

/// Durability of a start or reload; `confirm` is the time within which it must be confirmed.
pub(in crate::daemon) const fn durability(confirm: Option<Duration>) -> Durability {
    match confirm {
        None => Durability::Final,
        Some(_) => Durability::Provisional,
    }
}

/// Makes the filters final: pins filters with `exit hold`, and removes the pins of others.
pub(in crate::daemon) fn persist(filters: &mut Filters, log: &Log) {
    for filter in filters.iter_mut() {
        filter.persist(log);
    }
}

/// Rolls back a switch: each filter of `old` replaces its successor in `new`. A filter of `new` without predecessor is
/// detached.
pub(in crate::daemon) fn put_back(old: &mut Filters, new: Filters, log: &Log) {
    for mut filter in *new {
        match same_interface(old, &filter.interface) {
            Some(old) => old.roll_back(filter, log),
            None => filter.detach(),
        }
    }
}

fn same_interface<'a>(filters: &'a mut [Filter], name: &str) -> Option<&'a mut Filter> {
    filters.iter_mut().find(|filter| filter.interface == name)
}
