//! The directive `exit hold`: a filter stays attached when the daemon exits, and the next daemon adopts it.

mod find;
mod folder;
mod owner;
pub(super) mod pins;
mod states;

use std::os::fd::OwnedFd;

use super::fingerprint::{StateKey, Target};
use super::loaded::{Changes, LoadedMap, open_tables};
use super::refusal::{PinError, no_descriptor, to_reason};
use super::stage::{MapsFrom, Stage};
use super::state::Attached;
use super::tables::tables_are_built;
use super::{Context, Filter};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::config::{self, Exit};
use crate::kernel::attach::Attachment;
use crate::kernel::interface::Interface;
use crate::kernel::map::Map;
use crate::kernel::program::Program;
use crate::kernel::xdp_mode::Mode;
use crate::log::Log;
use crate::object::frame::{NEXT, RINGS, TOTALS, is_frame_map};
pub(super) use find::PinnedFilter;
pub use find::tidy;
pub(super) use pins::PinnedStage;
use pins::Pins;

/// Creates and owns the pins of a filter with `exit hold`, or shares the pins of `old`. `None` without `exit hold`.
pub(super) fn own_pins(
    context: &Context<'_>,
    interface: Option<&Interface>,
    old: Option<&Filter>,
) -> Result<Option<Pins>, Diagnostic> {
    if context.block.exit != Exit::Hold {
        return Ok(None);
    }
    match old.and_then(|old| old.pins.clone()) {
        Some(pins) => Ok(Some(pins)),
        None => find::create(&context.block.interface, interface, context.log)
            .map(Some)
            .map_err(|error| not_pinned(context, &error)),
    }
}

/// Pins the stages before the filter is attached, so that an attached program always has its pinned state.
pub(super) fn pin_state(context: &Context<'_>, filter: &Filter) -> Result<(), Diagnostic> {
    if context.block.exit != Exit::Hold {
        return Ok(());
    }
    filter
        .pin_stages()
        .map_err(|error| not_pinned(context, &error))
}

/// The filter that an earlier daemon left on `interface`. Unusable pins are an error only with `exit hold`.
pub(super) fn pinned_filter(
    context: &Context<'_>,
    interface: &Interface,
) -> Result<Option<PinnedFilter>, Diagnostic> {
    match find::find(&context.block.interface, interface, context.log) {
        Ok(pinned) => Ok(pinned),
        Err(PinError::Unusable(_)) if context.block.exit == Exit::Detach => Ok(None),
        Err(error) => Err(not_pinned(context, &error)),
    }
}

/// Adopts the maps of the pinned state `key`, which equals `target`; `None` if a pin is missing or of another kind.
/// `cpus` is the number of possible CPUs.
pub(super) fn adopt_maps(
    context: &Context<'_>,
    pins: &Pins,
    key: StateKey,
    mut target: Target,
    cpus: usize,
) -> Result<Option<Vec<LoadedMap>>, Diagnostic> {
    let mut maps = Vec::with_capacity(context.object.maps.len());
    let defs = &context.object.maps;
    let names = states::map_pins(defs.iter().map(|def| def.name.as_str()));
    for (def, name) in defs.iter().zip(names) {
        let map = pins.map(key, &name);
        let map = map.and_then(|(fd, path)| {
            Map::adopt(fd, def, cpus)
                .map_err(|errno| PinError::new(&path, "cannot be adopted", Some(errno)))
        });
        let map = match map {
            Ok(map) => map,
            // The verifier refused these parts of the program's frame, or the stage was loaded as the last one.
            Err(error) if error.is_missing_or_wrong() && is_frame_map(&def.name) => {
                let reason = match def.name.as_str() {
                    TOTALS => "verdicts are not counted: the adopted program has no counters",
                    RINGS => "packets cannot be sampled: the adopted program has no samples",
                    _ => continue,
                };
                context.warn(format_args!("{reason}"));
                continue;
            }
            Err(error) if error.is_missing_or_wrong() => {
                let map = &def.name;
                context.warn(format_args!(
                    "map {map} cannot be adopted, so the filter is replaced: {error}"
                ));
                let marked = pins.mark_broken(key);
                return marked
                    .map(|()| None)
                    .map_err(|error| not_pinned(context, &error));
            }
            Err(error) => return Err(not_pinned(context, &error)),
        };
        let mut map = LoadedMap::new(&def.name, map);
        map.entries = target.take_entries(&def.name);
        maps.push(map);
    }
    if !tables_are_built(context, &maps)? {
        context.warn(format_args!(
            "the filter is replaced: its tables are damaged"
        ));
        let marked = pins.mark_broken(key);
        return marked
            .map(|()| None)
            .map_err(|error| not_pinned(context, &error));
    }
    open_tables(defs, &mut maps).map_err(|error| no_descriptor(context, &error))?;
    for map in &mut maps {
        map.adopt_decisions(context.log);
    }
    if maps.iter().all(|loaded| loaded.name != NEXT)
        && let Some(map) = pins
            .slot(key)
            .map_err(|error| not_pinned(context, &error))?
    {
        // The new chain ends here. The slot must live as long as its program: without owner the kernel empties it.
        maps.push(LoadedMap::new(NEXT, map));
    }
    Ok(Some(maps))
}

/// Adopts the attachment of a pinned filter.
pub(super) fn adopt_attachment(
    context: &Context<'_>,
    interface: &Interface,
    link: Option<OwnedFd>,
    program: &Program,
) -> Result<Attached, Diagnostic> {
    let program = program.share();
    let program = program.map_err(|error| no_descriptor(context, &error))?;
    let mode = interface.xdp.and_then(|(mode, _)| mode);
    let mode = mode.unwrap_or(Mode::Native);
    // To try native mode again would detach for a moment a filter that `exit hold` promises to keep.
    let is_kept = mode == Mode::Generic && context.block.mode == config::Mode::Auto;
    Ok(Attached {
        attachment: Attachment::adopt(interface.index, mode, program.into(), link),
        reason: is_kept.then(|| to_reason(&"an earlier daemon attached it in generic mode")),
    })
}

/// Error for an unusable pin, or for pins of a running daemon.
pub(super) fn not_pinned(context: &Context<'_>, error: &PinError) -> Diagnostic {
    let block = context.block;
    match error {
        PinError::Owned(_) => {
            let what = format!("interface {} {error}", block.interface);
            context.wrong(block.interface_at, "if", Blame::Interface, what)
        }
        PinError::Unusable(_) => {
            context.wrong(block.exit_at(), "exit", error.blame(), error.to_string())
        }
    }
}

impl Filter {
    /// Pins program and maps of each stage where their pins are missing.
    fn pin_stages(&self) -> Result<(), PinError> {
        let Some(pins) = &self.pins else {
            return Ok(());
        };
        self.stages()
            .try_for_each(|stage| pins.pin_state(stage.key(), &stage.program, &stage.maps))
    }

    /// Pins stages and attachment where their pins are missing. `None` without pins or attachment.
    fn pin(&mut self) -> Option<Result<(), PinError>> {
        let state = self.pin_stages();
        let (pins, attached) = self.pins.as_ref().zip(self.attached.as_mut())?;
        // Even without pinned maps, the pin of the attachment keeps the filter attached.
        let link = pins.pin_link(&mut attached.attachment);
        Some(state.and(link))
    }

    /// Restores pins of a filter with `exit hold` that were removed meanwhile. Pins that cannot be examined are left
    /// alone.
    pub fn renew_pins(&mut self, log: &Log) {
        if self.holds
            && let Some(Err(error)) = self.pin()
        {
            let name = &self.interface;
            log.error(format_args!("{name}: cannot renew its pins: {error}"));
        }
    }

    /// Commits the filter once no later step can fail: pins it with `exit hold`, else removes the pins of an earlier
    /// `exit hold`.
    pub fn persist(&mut self, log: &Log) {
        for stage in self.stages_mut() {
            stage.changes = Changes::default();
            if let MapsFrom::Stage(_) = stage.maps_from {
                stage.maps_from = MapsFrom::Nowhere;
            }
        }
        if !self.holds {
            self.unpin();
            self.pins = None;
            return;
        }
        let pinned = self.pin();
        let name = &self.interface;
        match (pinned, &self.pins) {
            (Some(Err(error)), _) => {
                log.error(format_args!(
                    "{name}: the filter will not outlive the daemon: {error}"
                ));
                self.unpin();
            }
            (Some(Ok(())), Some(pins)) => {
                let kept = self.stages().map(Stage::key);
                if let Err(error) = pins.remove_others(&kept.collect::<Vec<_>>()) {
                    log.warn(format_args!(
                        "{name}: cannot remove the pins of an earlier state: {error}"
                    ));
                }
            }
            _ => {}
        }
    }

    /// Moves the pins of `other` to this filter, if it has none.
    pub(super) fn take_pins(&mut self, other: &mut Self) {
        self.pins = self.pins.take().or_else(|| other.pins.take());
    }

    /// Removes all pins. The filter is then detached when the daemon exits.
    pub(super) fn unpin(&mut self) {
        self.unpin_link();
        if let Some(pins) = &self.pins {
            pins.remove_all();
        }
    }

    /// Removes the pin of the attachment. The filter is then detached when the daemon exits.
    pub(super) fn unpin_link(&mut self) {
        if let Some((pins, attached)) = self.pins.as_ref().zip(self.attached.as_mut()) {
            pins.unpin_link();
            attached.attachment.detach_on_drop();
        }
    }

    /// True if the filter stays attached when the daemon exits.
    pub fn outlives(&self) -> bool {
        self.attachment().is_some_and(Attachment::outlives)
    }
}
