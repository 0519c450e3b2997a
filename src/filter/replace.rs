//! The step that replaces the running filter of an interface with a prepared one, and the rollback of that step.
//!
//! The stages that change are linked to the stages behind them first. Then one write, of the attachment or of the slot of
//! the last stage that stays before them, replaces them all: each packet meets the old chain or the new one.

use super::attach::{AttachError, attach_program, not_attached, suits};
use super::context::Chain;
use super::create_maps::Shared;
use super::find_interface::find_interface;
use super::fingerprint::Target;
use super::hold::{own_pins, pin_state};
use super::load::{Batch, load, read_maps};
use super::loaded::{Loaded, LoadedMap, open_tables};
use super::read_map::watch;
use super::refusal::no_descriptor;
use super::stage::{MapsFrom, Stage};
use super::state::{Durability, Prepared, PreparedStage};
use super::tables::carry_counters;
use super::update_entries::{NotUpdated, update_entries};
use super::{Context, Filter, ReadMap};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::kernel::interface;
use crate::kernel::map_scan::Scan;
use crate::log::Log;

/// Replaces `old`, the filter of the same interface, with the prepared filter. Unchanged entries in the maps that both
/// share keep their values. `old` is then detached, and can [roll back](Filter::roll_back).
///
/// # Errors
/// When the kernel rejects an entry, no descriptors are left, or the interface or its driver refuses; `old` is still
/// attached.
pub fn replace(
    chain: &Chain<'_>,
    old: &mut Filter,
    prepared: Prepared,
    durability: Durability,
    scan: &mut Scan,
) -> Result<Filter, Diagnostic> {
    let head = make_stage(&chain.head, old, prepared.head, scan)?;
    let mut new = Filter::new(chain, head, Vec::with_capacity(prepared.behind.len()));
    new = new.succeeding(old);
    let made = chain.behind.iter().zip(prepared.behind);
    let made = made.into_iter().try_for_each(|(context, prepared)| {
        let stage = make_stage(context, old, prepared, scan)?;
        new.behind.push(stage);
        Ok(())
    });
    match made.and_then(|()| switch(chain, old, &mut new, durability)) {
        Ok(()) => {
            for (new, old) in shared(&mut new, old) {
                new.take_watches(old);
            }
            for stage in old.stages() {
                let mut new = chain.stages().zip(new.stages());
                match new.find(|(_, new)| new.object == stage.object) {
                    Some((context, _)) => stage.warn_of_given(context),
                    None => stage.lose_decisions(chain.head.log),
                }
            }
            Ok(new)
        }
        Err(wrong) => {
            undo_changes(&mut new, old, chain.head.log);
            Err(wrong)
        }
    }
}

fn make_stage(
    context: &Context<'_>,
    old: &Filter,
    prepared: PreparedStage,
    scan: &mut Scan,
) -> Result<Stage, Diagnostic> {
    let (at, target, loaded) = match prepared {
        PreparedStage::Load(loaded) => return Ok(make_anew(context, old, loaded, scan)),
        PreparedStage::Keep(at, target) => (at, target, None),
        PreparedStage::Again(at, target, loaded) => (at, target, Some(loaded)),
    };
    let Some(stage) = old.stage(at) else {
        let what = "its running stage has gone".into();
        return Err(context.wrong(context.block.at, "ebpf", Blame::System, what));
    };
    let pins = old.pins.as_ref();
    let changes = match update_entries(context, stage, pins, &target, scan) {
        Ok(changes) => changes,
        Err(NotUpdated::Wrong(wrong)) => return Err(wrong),
        Err(NotUpdated::NoRoom) => {
            let mut batch = Box::<Batch>::default();
            let loaded = load(context, Shared::Totals(stage), &mut batch, scan)?;
            return Ok(make_anew(context, old, loaded, scan));
        }
    };
    let loaded = match loaded {
        Some(loaded) => Ok(loaded),
        None => share(context, stage, &target),
    };
    match loaded.and_then(|loaded| with_entries(context, stage, loaded, target, scan)) {
        Ok(loaded) => {
            let mut new = Stage::new(context, loaded);
            new.maps_from = MapsFrom::Stage(at);
            new.changes = changes;
            Ok(new)
        }
        Err(wrong) => {
            changes.undo(stage, pins, &old.interface, context.log);
            Err(wrong)
        }
    }
}

/// A stage with maps of its own, with the decisions of the running stage of the same object.
fn make_anew(context: &Context<'_>, old: &Filter, mut loaded: Loaded, scan: &mut Scan) -> Stage {
    let name = context.stage_name();
    let Some(old) = old.stages().find(|stage| stage.object == name) else {
        return Stage::new(context, loaded);
    };
    loaded.copy_decisions(old, scan, context.log);
    carry_counters(context, old, &loaded.maps);
    let mut new = Stage::new(context, loaded);
    new.maps_from = MapsFrom::Renewal;
    new
}

/// The program and maps of `stage` with duplicated descriptors.
fn share(context: &Context<'_>, stage: &Stage, target: &Target) -> Result<Loaded, Diagnostic> {
    let program = stage.program.share();
    let shared = program.and_then(|program| {
        let mut maps = Vec::new();
        for LoadedMap { name, map, .. } in &stage.maps {
            maps.push(LoadedMap::new(name, map.share()?));
        }
        open_tables(&context.object.maps, &mut maps)?;
        Ok((program, maps))
    });
    let (program, maps) = shared.map_err(|error| no_descriptor(context, &error))?;
    Ok(Loaded {
        program,
        read_maps: Vec::new(),
        maps,
        fingerprint: target.fingerprint,
    })
}

/// Gives `loaded`, which shares the maps of `stage`, the entries of `target`, and the maps that are read.
fn with_entries(
    context: &Context<'_>,
    stage: &Stage,
    mut loaded: Loaded,
    mut target: Target,
    scan: &mut Scan,
) -> Result<Loaded, Diagnostic> {
    for map in &mut loaded.maps {
        map.entries = target.take_entries(&map.name);
        if let Some(old) = stage.map(&map.name) {
            map.keep_decisions(&old.decisions);
        }
    }
    loaded.read_maps = read_maps(context, &loaded.maps)?;
    for read in &mut loaded.read_maps {
        let watched = |old: &ReadMap| old.name == read.name && old.watch.is_some();
        if !stage.read_maps.iter().any(watched) {
            read.watch = watch(context, read, scan);
        }
    }
    Ok(loaded)
}

/// Links the stages of `new`, and puts its program in the place of the program of `old`.
fn switch(
    chain: &Chain<'_>,
    old: &mut Filter,
    new: &mut Filter,
    durability: Durability,
) -> Result<(), Diagnostic> {
    let context = &chain.head;
    let interface = match find_interface(context) {
        Ok(interface) => Some(interface),
        Err(_) if old.attached.is_none() => None,
        Err(wrong) => return Err(wrong),
    };
    let pins = own_pins(context, interface.as_ref(), Some(old))?;
    let is_new = pins.is_some() && old.pins.is_none();
    new.pins = pins.or_else(|| old.pins.clone());
    // While the interface is down or missing, the new filter waits; it attaches once the interface is up.
    let interface = interface.filter(|found| found.up || old.attached.is_some());
    let Some(interface) = interface else {
        return link(chain, old, new);
    };
    pin_state(context, new)?;
    link(chain, old, new)?;
    let (mode, attached) = (context.block.mode, old.attached.as_ref());
    let in_place = attached.is_some_and(|attached| suits(mode, &interface, attached));
    if durability == Durability::Provisional || !in_place {
        old.unpin_link();
    }
    let previous = old.take_attached();
    match attach_program(mode, &interface, &new.head.program, previous) {
        Ok(attached) => {
            new.set_attached(Some(attached));
            new.look_at(&interface);
            Ok(())
        }
        Err(error) => {
            let AttachError { failure, mode, .. } = restore(old, error, context.log);
            if is_new && let Some(pins) = &new.pins {
                pins.remove_all();
            }
            Err(not_attached(context, failure, mode, &interface))
        }
    }
}

/// Links the stages of `new`. After an error, the stages of `old` are linked again.
fn link(chain: &Chain<'_>, old: &Filter, new: &Filter) -> Result<(), Diagnostic> {
    new.link_stages().map(drop).map_err(|error| {
        old.relink(chain.head.log);
        error.diagnostic(chain)
    })
}

/// Restores `old` after its replacement failed.
fn restore(old: &mut Filter, mut error: AttachError, log: &Log) -> AttachError {
    old.relink(log);
    old.set_attached(error.previous.take());
    if old.attached.is_none() {
        old.attach_again(log);
    }
    old.persist(log);
    error
}

/// Each stage of `new` that shares its maps with a stage of `old`, and that stage.
fn shared<'a>(new: &'a mut Filter, old: &'a mut Filter) -> Vec<(&'a mut Stage, &'a mut Stage)> {
    let mut old: Vec<_> = old.stages_mut().map(Some).collect();
    let pair = |new: &'a mut Stage| {
        let MapsFrom::Stage(at) = new.maps_from else {
            return None;
        };
        let old = old.get_mut(at)?.take()?;
        Some((new, old))
    };
    new.stages_mut().filter_map(pair).collect()
}

/// Restores the entries that `new` changed in the maps that it shares with `old`.
fn undo_changes(new: &mut Filter, old: &mut Filter, log: &Log) {
    let (pins, interface) = (old.pins.clone(), old.interface.clone());
    for (new, old) in shared(new, old) {
        let changes = std::mem::take(&mut new.changes);
        changes.undo(old, pins.as_ref(), &interface, log);
    }
}

impl Filter {
    /// Detaches the program. Programs and maps stay loaded, so that the filter can be attached again.
    pub fn detach(&mut self) {
        self.unpin();
        drop(self.take_attached());
        self.stop_retrying();
    }

    /// Rolls back: replaces `successor`, which replaced this filter, by this filter.
    pub fn roll_back(&mut self, mut successor: Self, log: &Log) {
        self.set_attached(successor.take_attached());
        self.take_pins(&mut successor);
        undo_changes(&mut successor, self, log);
        for (new, old) in shared(&mut successor, self) {
            old.take_watches(new);
            old.take_decisions(new, true, log);
        }
        for new in successor.stages().filter(|new| new.has_new_maps()) {
            let mut old = self.stages_mut();
            if let Some(old) = old.find(|old| old.object == new.object) {
                old.take_decisions(new, false, log);
            }
        }
        self.reattached = self.reattached.max(successor.reattached);
        for stage in self.stages() {
            stage.read_maps.iter().for_each(ReadMap::forget_count);
        }
        self.relink(log);
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
        match attach_program(self.wanted, &found, &self.head.program, previous) {
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
