//! From the filters that run to those of a plan: all of them, or none.

use crate::daemon::error::Error;
use crate::daemon::state::Filters;
use crate::filter::{self, Context, Filter, Prepared};
use crate::kernel::map_scan::Scan;
use crate::log::Log;

/// Puts each filter of the plan in the place of the running one of its interface, if there is one, and returns them.
/// `running` then holds those that they replaced, which filter no longer and can be [put back](put_back). What is
/// only to change is kept as it runs. Those that are to be `lasting` are still to be [settled](persist).
///
/// # Errors
/// What is wrong with the first that can't be switched; `running` filters as before.
pub(in crate::daemon) fn switch(
    running: &mut Filters,
    prepared: Vec<(Context<'_>, Prepared)>,
    scan: &mut Scan,
    log: &Log,
    lasting: bool,
) -> Result<Filters, Error> {
    let mut new = Filters::new();
    for (context, prepared) in prepared {
        let old = same_interface(running, &context.block.interface);
        let switched = match (old, prepared) {
            (Some(old), Prepared::Load(loaded)) => filter::replace(&context, old, loaded, lasting),
            (Some(old), Prepared::Change(target)) => {
                filter::reuse(&context, old, target, lasting, scan)
            }
            (None, Prepared::Load(loaded)) => filter::attach(&context, loaded),
            (None, Prepared::Change(_)) => continue,
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
    // Those that the plan does not name; the others have nothing left to step aside from.
    for old in running.iter_mut().filter(|old| old.attachment().is_some()) {
        old.step_aside();
    }
    Ok(new)
}

/// Makes filters last as their `exit` says.
pub(in crate::daemon) fn persist(filters: &mut Filters, log: &Log) {
    for filter in filters {
        filter.persist(log);
    }
}

/// Puts filters back in the place of those that took it; what has no place in `old` is detached.
pub(in crate::daemon) fn put_back(old: &mut Filters, new: Filters, log: &Log) {
    for mut filter in new {
        match same_interface(old, &filter.interface) {
            Some(old) => old.take_back(filter, log),
            None => filter.step_aside(),
        }
    }
}

fn same_interface<'a>(filters: &'a mut [Filter], name: &str) -> Option<&'a mut Filter> {
    filters.iter_mut().find(|filter| filter.interface == name)
}
