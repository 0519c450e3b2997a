//! From the filters that run to those of a plan: all of them, or none.

use super::{Error, Filters, start};
use crate::filter::{Filter, Loaded};
use crate::kernel::scan::Scan;
use crate::log::Log;
use crate::plan::Plan;

/// Puts each filter of the plan in the place of the running one of its interface, if there is one, and returns them.
/// `running` then holds those that they replaced, which filter no longer and can be [put back](put_back). What is not
/// loaded is kept as it runs.
///
/// # Errors
/// What is wrong with the first that can't be switched; `running` filters as before.
pub(super) fn switch(
    running: &mut Filters,
    plan: &Plan,
    loaded: Vec<Option<Loaded>>,
    scan: &mut Scan,
    log: &Log,
) -> Result<Filters, Error> {
    let mut new = Filters::new();
    for (order, loaded) in start::orders(plan, log).zip(loaded) {
        let old = same_interface(running, &order.filter.interface);
        let switched = match (old, loaded) {
            (Some(old), Some(loaded)) => order.switch(old, loaded),
            (Some(old), None) => order.keep(old, scan),
            (None, Some(loaded)) => order.attach(loaded),
            (None, None) => continue,
        };
        match switched {
            // There is room: the list of `ebpf` blocks has the same capacity.
            Ok(filter) => drop(new.push(filter)),
            Err(wrong) => {
                put_back(running, new, log);
                return Err(wrong.into());
            }
        }
    }
    // Those that the plan does not name.
    for old in running {
        old.step_aside();
    }
    Ok(new)
}

/// Puts filters back in the place of those that took it; what has no place in `old` is detached.
pub(super) fn put_back(old: &mut Filters, new: Filters, log: &Log) {
    for filter in new {
        if let Some(old) = same_interface(old, &filter.interface) {
            old.take_back(filter, log);
        }
    }
}

fn same_interface<'a>(filters: &'a mut [Filter], name: &str) -> Option<&'a mut Filter> {
    filters.iter_mut().find(|filter| filter.interface == name)
}
