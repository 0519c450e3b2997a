//! The step that replaces: another program, with its maps, in the place of the running one, and back.

use super::attach::{AttachError, attach_program, find_interface, not_attached, suits};
use super::fingerprint::Target;
use super::hold::pins::Pins;
use super::hold::{own_pins, pin_state};
use super::load::read_maps;
use super::read_map::{take_watches, watch};
use super::refusal::no_descriptor;
use super::state::{Attached, Loaded, LoadedMap};
use super::update_entries::update_entries;
use super::{Context, Filter, ReadMap};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::interface;
use crate::kernel::map_scan::Scan;
use crate::log::Log;

/// Attaches what was loaded in the place of `old`, which filters the same interface. `old` then filters no longer, but
/// can [roll back](Filter::take_back). A change that is not `persistent` waits to be confirmed.
///
/// # Errors
/// When the interface or its driver refuses; `old` still filters.
pub fn replace(
    context: &Context<'_>,
    old: &mut Filter,
    loaded: Loaded,
    persistent: bool,
) -> Result<Filter, Diagnostic> {
    let interface = match find_interface(context) {
        Ok(interface) if interface.up || old.attached.is_some() => interface,
        // The interface is away or down; the new filter attaches when it returns.
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
    if !persistent || !in_place {
        old.unpin_link();
    }
    let previous = old.take_attached();
    match attach_program(mode, &interface, &loaded.program, previous) {
        Ok(attached) => {
            let mut new = successor(context, old, loaded, Some(attached), pins);
            new.look_at(&interface);
            Ok(new)
        }
        Err(AttachError {
            failure,
            mode,
            previous,
        }) => {
            old.set_attached(previous);
            if old.attached.is_none() {
                old.attach_again(context.log);
            }
            if old.pins.is_none()
                && let Some(pins) = pins
            {
                pins.remove_all();
            }
            old.persist(context.log);
            Err(not_attached(context, failure, mode, &interface))
        }
    }
}

/// Makes a filter of the program and maps of `old`, with the entries of `target` and what `context` reads from the maps.
/// Nothing is loaded, and the counters of all other entries go on. `old` can roll back, as after [`replace`].
///
/// # Errors
/// When the kernel rejects an entry, no descriptors are left, or the mode changes and the driver refuses; `old` still
/// filters.
pub fn reuse(
    context: &Context<'_>,
    old: &mut Filter,
    target: Target,
    persistent: bool,
    scan: &mut Scan,
) -> Result<Filter, Diagnostic> {
    let changes = update_entries(context, old, &target, scan)?;
    match replace_by_shared(context, old, target, persistent, scan) {
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

/// Replaces `old` by a filter of its own program and maps.
fn replace_by_shared(
    context: &Context<'_>,
    old: &mut Filter,
    target: Target,
    persistent: bool,
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
    let mut new = replace(context, old, loaded, persistent)?;
    if context.block.debug {
        take_watches(&mut new.read_maps, &mut old.read_maps);
    }
    Ok(new)
}

/// The maps of `old` by other descriptors, with the entries of `target`.
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
    /// Detaches, and keeps all that another attachment needs.
    pub fn step_aside(&mut self) {
        self.unpin();
        drop(self.take_attached());
        self.stop_retrying();
    }

    /// Rolls back: puts this filter in the place of `other`, which replaced it.
    pub fn take_back(&mut self, mut other: Self, log: &Log) {
        self.set_attached(other.take_attached());
        self.take_pins(&mut other);
        if self.program.info.id == other.program.info.id {
            take_watches(&mut self.read_maps, &mut other.read_maps);
        }
        other.changes.undo(self, log);
        self.read_maps.iter().for_each(ReadMap::forget_count);
        self.attach_again(log);
        self.persist(log);
    }

    /// Attaches this filter's program, in the place of its present attachment. Only the log is told of errors.
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
