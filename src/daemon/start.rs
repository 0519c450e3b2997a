//! Startup: attaches the filters of a checked plan.

use super::decisions;
use super::error::Error;
use super::reload::switch;
use super::service_manager::Manager;
use super::signals::Signals;
use super::state::{Filters, Options};
use crate::base::diagnostic::{Diagnostic, Fault};
use crate::filter::{self, Batch, Chain, Filter, Prepared, Restore, blame, tidy, wait_for};
use crate::kernel::limits;
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use crate::plan::{NO_FILTER, Plan};

/// Logs the lists and the warnings of the plan.
pub(super) fn warn(plan: &Plan, log: &Log) {
    plan.announce_lists(&mut |line| log.info(line));
    plan.warn(&mut |warning| log.warn(warning));
}

/// Puts the frames around the programs of the plan, and logs which programs run without a frame.
pub(super) fn add_frames(plan: &mut Plan, log: &Log) {
    plan.add_frames(&mut |warning| log.warn(warning));
}

/// Connects to the service manager. An error is only logged: the daemon also runs without a service manager.
pub(super) fn service_manager(log: &Log) -> Manager {
    Manager::from_environment().unwrap_or_else(|error| {
        log.warn(format_args!(
            "cannot reach the service manager: NOTIFY_SOCKET: {error}"
        ));
        Manager::default()
    })
}

/// Logs how each filter is attached. `earlier` are filters that an earlier daemon left attached.
pub(super) fn announce(filters: &[Filter], earlier: &[Filter], log: &Log) {
    for filter in filters {
        let name = &filter.interface;
        announce_new_maps(filter, log);
        if let Some(reason) = filter.reason() {
            log.warn(format_args!(
                "{name}: native mode refused: {reason}; falling back to generic"
            ));
        }
        let Some(attachment) = filter.attachment() else {
            continue;
        };
        let program = &filter.head.program.info;
        let adopted = |old: &Filter| old.head.program.info.id == program.id;
        let (verb, comma, counters) = if earlier.iter().any(adopted) {
            ("adopted", ", attached", ", with its counters")
        } else {
            ("attached", "", "")
        };
        log.info(format_args!(
            "{name}: {verb} {} (id {}){comma} in {} mode{counters}",
            program.name, program.id, attachment.mode
        ));
        for (number, stage) in (2..).zip(&filter.behind) {
            let (object, id) = (&stage.object, stage.program.info.id);
            log.info(format_args!("{name}: stage {number} is {object} (id {id})"));
        }
        filter.log_warnings(log);
        if !attachment.ends_with_process() {
            log.warn(format_args!("{name}: this kernel has no BPF links for XDP (5.9); a killed daemon leaves its filter behind"));
        }
    }
    if filters.is_empty() {
        log.warn(NO_FILTER);
    }
}

/// Logs which stages lost contents of their maps.
fn announce_new_maps(filter: &Filter, log: &Log) {
    let name = &filter.interface;
    for stage in filter.stages().filter(|stage| stage.has_new_maps()) {
        let object = &stage.object;
        let counters = if stage.has_tables() {
            "entries of tables and verdicts keep their counters, other counters start at 0"
        } else {
            "the program's own counters start at 0"
        };
        log.info(format_args!(
            "{name}: {object} is loaded anew, with new maps; {counters}"
        ));
    }
}

/// Fails if two filters name the same interface. A plan with one filter needs no lookup.
pub(super) fn check_names(plan: &Plan, log: &Log) -> Result<(), Diagnostic> {
    match Chain::all(plan, log).as_slice() {
        [] | [_] => Ok(()),
        chains => filter::check_names(chains),
    }
}

/// Tells the objects of the plan the link headers of their interfaces.
pub(super) fn set_link_headers(plan: &mut Plan, running: &[Filter]) -> Result<(), Diagnostic> {
    let Plan {
        corefile, filters, ..
    } = plan;
    filters.iter_mut().try_for_each(|planned| {
        let name = &planned.block.interface;
        let old = running.iter().find(|filter| filter.interface == *name);
        filter::set_link_header(planned, corefile, old)
    })
}

/// Waits for the interfaces, loads all programs, then attaches them or replaces the filters of an earlier daemon.
/// Returns the new and the replaced filters; `None` after a signal that stops the daemon.
pub(super) fn filters(
    plan: &mut Plan,
    signals: &Signals,
    scan: &mut Scan,
    options: &Options,
) -> Result<Option<(Filters, Filters)>, Error> {
    let log = &options.log;
    check_names(plan, log)?;
    for chain in Chain::all(plan, log) {
        if !wait_for(&chain.head, signals.stop_fd())? {
            return Ok(None);
        }
    }
    // Interfaces that appeared during the wait were not checked before.
    check_names(plan, log)?;
    set_link_headers(plan, &[])?;
    let mut old = Filters::default();
    for chain in Chain::all(plan, log) {
        if let Some(filter) = filter::adopt(&chain)? {
            // Cannot fail: the list of `ebpf` blocks has the same capacity.
            let _ = old.push(filter);
        }
    }
    tidy(log);
    let mut prepared = prepare(plan, &old, scan, log)?;
    let restore = Restore::new(&mut prepared, &mut old, scan);
    decisions::restore(&options.state, restore, log);
    let durability = switch::durability(options.confirm);
    let new = switch::switch(&mut old, prepared, scan, log, durability)?;
    Ok(Some((new, old)))
}

/// Prepares each filter of the plan: loads its programs and fills their maps, unless running ones can be taken over.
pub(super) fn prepare<'a>(
    plan: &'a Plan,
    running: &[Filter],
    scan: &mut Scan,
    log: &'a Log,
) -> Result<Vec<(Chain<'a>, Prepared)>, Diagnostic> {
    limits::raise_memlock().map_err(|error| {
        let file = plan.corefile.files().first().cloned().unwrap_or_default();
        let blame = blame(error.errno);
        Diagnostic::from(Fault {
            file,
            line: 0,
            directive: "ebpf".into(),
            message: error.to_string(),
            blame,
        })
    })?;
    let mut batch = Box::<Batch>::default();
    let mut filters = Vec::new();
    for chain in Chain::all(plan, log) {
        let name = &chain.head.block.interface;
        let old = running.iter().find(|filter| filter.interface == *name);
        let prepared = filter::prepare(&chain, old, &mut batch, scan)?;
        filters.push((chain, prepared));
    }
    Ok(filters)
}
