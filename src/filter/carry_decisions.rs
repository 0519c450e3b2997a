//! The steps that take decisions over: to the maps of a new stage, and back after a rollback.

use super::Context;
use super::entries::lines;
use super::loaded::{Loaded, LoadedMap};
use super::stage::Stage;
use crate::base::diagnostic::MAX_ERRORS;
use crate::base::escape::Plain;
use crate::base::quantity::Quantity;
use crate::kernel::describe;
use crate::kernel::map_scan::Scan;
use crate::log::Log;

impl Loaded {
    /// Copies the decisions of `old`, which this stage replaces, to the new maps.
    pub(super) fn copy_decisions(&mut self, old: &Stage, scan: &mut Scan, log: &Log) {
        copy_all(&mut self.maps, &old.maps, scan, log);
    }
}

impl Stage {
    /// Reports the decisions of a stage that no stage of the new filter continues.
    pub(super) fn lose_decisions(&self, log: &Log) {
        for map in &self.maps {
            report_lost(map.decisions.len(), &map.name, log);
        }
    }

    /// Warns of the decisions that the successor of `context` lacks, since its lines give their keys.
    pub(super) fn warn_of_given(&self, context: &Context<'_>) {
        let mut given: usize = 0;
        for mut lines in lines(context) {
            let map = self.map(&lines.def.name);
            let Some(map) = map.filter(|map| !map.decisions.is_empty()) else {
                continue;
            };
            // Cannot fail: the entries were written before.
            let _ = lines.each(&mut |lines, index, key, _| {
                if map.decisions.contains(key) {
                    given += 1;
                    if given <= MAX_ERRORS {
                        context.log.warn(lines.ending(index, key));
                    }
                }
                Ok(())
            });
        }
        if let Some(others) = given.checked_sub(MAX_ERRORS).filter(|others| *others > 0) {
            let others = Quantity(others as u64, "more decision");
            context.warn(format_args!("{others} not kept; lines give their keys"));
        }
    }

    /// Takes over the decisions of `successor`, which a rollback removes, after the rollback of its entries. Both stages
    /// share their maps if `is_shared`.
    pub(super) fn take_decisions(&mut self, successor: &Self, is_shared: bool, log: &Log) {
        let mut scan = Box::<Scan>::default();
        for old in &mut self.maps {
            let Some(new) = successor.map(&old.name) else {
                continue;
            };
            let mut decisions = std::mem::take(&mut old.decisions);
            decisions.retain(&mut |key, _| {
                let is_kept = new.decisions.contains(key) || new.is_given(key);
                // A client deleted the decision meanwhile, or its time was up.
                if !is_kept
                    && !is_shared
                    && let Err(errno) = old.delete(key)
                {
                    let (name, why) = (Plain(&old.name), describe(errno));
                    log.error(format_args!("cannot delete a decision of {name}: {why}"));
                }
                is_kept
            });
            old.decisions = decisions;
            old.end_decisions();
            if is_shared {
                for (key, until) in new.decisions.iter() {
                    // Refused only where the Corefile gives the key again.
                    let _ = old.adopt_decision(key, until);
                }
            } else {
                report_lost(old.copy_decisions(new, &mut scan), &new.name, log);
            }
        }
    }
}

/// Copies the decisions of the maps `from` to the maps of the same name.
fn copy_all(to: &mut [LoadedMap], from: &[LoadedMap], scan: &mut Scan, log: &Log) {
    for from in from.iter().filter(|from| !from.decisions.is_empty()) {
        let lost = match to.iter_mut().find(|to| to.name == from.name) {
            Some(to) => to.copy_decisions(from, scan),
            None => from.decisions.len(),
        };
        report_lost(lost, &from.name, log);
    }
}

fn report_lost(lost: usize, name: &str, log: &Log) {
    if lost > 0 {
        let (name, lost) = (Plain(name), Quantity(lost as u64, "decision"));
        log.warn(format_args!(
            "{name}: the new map lacks {lost}; add what is missing again"
        ));
    }
}
