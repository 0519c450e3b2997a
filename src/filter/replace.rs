//! The step that replaces the running program and its maps with others, and the rollback of that step.

use super::attach::{AttachError, attach_program, find_interface, not_attached, suits};
use super::fingerprint::Target;
use super::hold::pins::Pins;
use super::hold::{own_pins, pin_state};
use super::load::read_maps;
use super::read_map::{take_watches, watch};
use super::refusal::no_descriptor;
use super::state::{Attached, Durability, Loaded, LoadedMap};
use super::update_entries::update_entries;
use super::{Context, Filter, ReadMap};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::interface;
use crate::kernel::map_scan::Scan;
use crate::log::Log;

/// Replaces `old`, the filter of the same interface, with the loaded program. `old` is then detached, and can
/// [roll back](Filter::roll_back).
///
/// # Errors
/// When the interface or its driver refuses; `old` is still attached.
pub fn replace(
    context: &Context<'_>,
    old: &mut Filter,
    loaded: Loaded,
    durability: Durability,
) -> Result<Filter, Diagnostic> {
    let interface = match find_interface(context) {
        Ok(interface) if interface.up || old.attached.is_some() => interface,
        // The interface is down, or missing in the next case: the new filter attaches once it is up.
        Ok(interface) => {
            let pins = own_pins(context, Some(&interface), Some(old))?;
            return Ok(successor(context, old, loaded, None, pins));
        }
        Err(_) if old.attached.is_none() => {
            let pins = own_pins(context, None, Some(old))?;
            return Ok(successor(context, old, loaded, None, pins));
        }
        Err(wrong) => return Err(wrong),
    };
    let pins = own_pins(context, Some(&interface), Some(old))?;
    pin_state(context, pins.as_ref(), &loaded)?;
    let (mode, attached) = (context.block.mode, old.attached.as_ref());
    let in_place = attached.is_some_and(|attached| suits(mode, &interface, attached));
    if durability == Durability::Provisional || !in_place {
        old.unpin_link();
    }
    let previous = old.take_attached();
    match attach_program(mode, &interface, &loaded.program, previous) {
        Ok(attached) => {
            let mut new = successor(context, old, loaded, Some(attached), pins);
            new.look_at(&interface);
            Ok(new)
        }
        Err(error) => {
            let AttachError { failure, mode, .. } = restore(old, error, pins, context.log);
            Err(not_attached(context, failure, mode, &interface))
        }
    }
}

/// Restores `old` after its replacement failed. `pins` are removed if they were created for the replacement.
fn restore(old: &mut Filter, mut error: AttachError, pins: Option<Pins>, log: &Log) -> AttachError {
    old.set_attached(error.previous.take());
    if old.attached.is_none() {
        old.attach_again(log);
    }
    if old.pins.is_none()
        && let Some(pins) = pins
    {
        pins.remove_all();
    }
    old.persist(log);
    error
}

/// Replaces `old` with a filter of the same program and maps, with the entries of `target` and the metrics of `context`.
/// Nothing is loaded, and unchanged entries keep their values. `old` can roll back, as after [`replace`].
///
/// # Errors
/// When the kernel rejects an entry, no descriptors are left, or the mode changes and the driver refuses; `old` is still
/// attached.
pub fn reuse(
    context: &Context<'_>,
    old: &mut Filter,
    target: Target,
    durability: Durability,
    scan: &mut Scan,
) -> Result<Filter, Diagnostic> {
    let changes = update_entries(context, old, &target, scan)?;
    match replace_by_shared(context, old, target, durability, scan) {
        Ok(mut new) => {
            new.set_changes(changes);
            Ok(new)
        }
        Err(wrong) => {
            changes.undo(old, context.log);
            Err(wrong)
        }
    }
}

/// Replaces `old` with a filter of its own program and maps.
fn replace_by_shared(
    context: &Context<'_>,
    old: &mut Filter,
    target: Target,
    durability: Durability,
    scan: &mut Scan,
) -> Result<Filter, Diagnostic> {
    let fingerprint = target.fingerprint;
    let maps = share_maps(context, old, target)?;
    let mut read_maps = read_maps(context, &maps)?;
    for read in &mut read_maps {
        let watched = |old: &ReadMap| old.name == read.name && old.watch.is_some();
        if !old.read_maps.iter().any(watched) {
            read.watch = watch(context, read, scan);
        }
    }
    let program = old.program.share();
    let loaded = Loaded {
        program: program.map_err(|error| no_descriptor(context, &error))?,
        read_maps,
        maps,
        fingerprint,
    };
    let mut new = replace(context, old, loaded, durability)?;
    if context.block.debug {
        take_watches(&mut new.read_maps, &mut old.read_maps);
    }
    Ok(new)
}

/// The maps of `old` with duplicated descriptors, and the entries of `target`.
fn share_maps(
    context: &Context<'_>,
    old: &Filter,
    mut target: Target,
) -> Result<Vec<LoadedMap>, Diagnostic> {
    let maps = old.maps.iter().map(|LoadedMap { name, map, .. }| {
        Ok(LoadedMap {
            name: name.clone(),
            map: map
                .share()
                .map_err(|error| no_descriptor(context, &error))?,
            entries: target.take_entries(name),
        })
    });
    maps.collect()
}

fn successor(
    context: &Context<'_>,
    old: &Filter,
    loaded: Loaded,
    attached: Option<Attached>,
    pins: Option<Pins>,
) -> Filter {
    Filter::new(context, loaded, attached, pins).succeeding(old)
}

impl Filter {
    /// Detaches the program. Program and maps stay loaded, so that the filter can be attached again.
    pub fn detach(&mut self) {
        self.unpin();
        drop(self.take_attached());
        self.stop_retrying();
    }

    /// Rolls back: replaces `successor`, which replaced this filter, by this filter.
    pub fn roll_back(&mut self, mut successor: Self, log: &Log) {
        self.set_attached(successor.take_attached());
        self.take_pins(&mut successor);
        if self.program.info.id == successor.program.info.id {
            take_watches(&mut self.read_maps, &mut successor.read_maps);
        }
        successor.changes.undo(self, log);
        self.reattached = self.reattached.max(successor.reattached);
        self.read_maps.iter().for_each(ReadMap::forget_count);
        self.attach_again(log);
        self.persist(log);
    }

    /// Attaches this filter's program in place of the program of its attachment. Errors are only logged.
    fn attach_again(&mut self, log: &Log) {
        let name = &self.interface;
        let found = match interface::find(name) {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => return log.error(format_args!("{name}: {error}")),
        };
        if let Err(why) = self.fit_to(&found, log) {
            self.set_attached(None);
            return self.retry_later(log, &why);
        }
        let previous = self.take_attached();
        match attach_program(self.wanted, &found, &self.program, previous) {
            Ok(attached) => {
                self.set_attached(Some(attached));
                self.look_at(&found);
            }
            Err(AttachError {
                failure, previous, ..
            }) => {
                self.set_attached(previous);
                self.retry_later(log, &failure);
            }
        }
    }
}
