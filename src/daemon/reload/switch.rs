//! Switches from the running filters to the filters of a plan: all of them, or none.

use crate::daemon::error::Error;
use crate::daemon::state::Filters;
use crate::filter::{self, Context, Filter, Prepared};
use crate::kernel::map_scan::Scan;
use crate::log::Log;

/// Replaces the running filter of each interface by the filter of the plan, and returns the new filters. A filter that
/// only changes keeps its program attached. `running` then holds the replaced filters, which are detached and can be
/// [put back](put_back). Filters that are to be `persistent` still need a call of [`persist`].
///
/// # Errors
/// The error of the first filter that cannot be switched; all filters of `running` are then attached as before.
pub(in crate::daemon) fn switch(
    running: &mut Filters,
    prepared: Vec<(Context<'_>, Prepared)>,
    scan: &mut Scan,
    log: &Log,
    persistent: bool,
) -> Result<Filters, Error> {
    let mut new = Filters::new();
    for (context, prepared) in prepared {
        let old = same_interface(running, &context.block.interface);
        let switched = match (old, prepared) {
            (Some(old), Prepared::Load(loaded)) => {
                filter::replace(&context, old, loaded, persistent)
            }
            (Some(old), Prepared::Change(target)) => {
                filter::reuse(&context, old, target, persistent, scan)
            }
            (None, Prepared::Load(loaded)) => filter::attach(&context, loaded),
            (None, Prepared::Change(_)) => continue,
        };
        match switched {
            // There is room: the list of `ebpf` blocks has the same capacity.
            Ok(filter) => drop(new.push(filter)),
            Err(error) => {
                put_back(running, new, log);
                return Err(error.into());
            }
        }
    }
    // Only filters that the plan does not name are still attached.
    for old in running.iter_mut().filter(|old| old.attachment().is_some()) {
        old.step_aside();
    }
    Ok(new)
}

/// Pins the filters whose `exit` option asks for it.
pub(in crate::daemon) fn persist(filters: &mut Filters, log: &Log) {
    for filter in filters {
        filter.persist(log);
    }
}

/// Rolls back a switch: each filter of `old` replaces its successor in `new`. A new filter without one in `old` is
/// detached.
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
