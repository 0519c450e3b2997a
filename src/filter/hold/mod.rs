//! The steps of `exit hold`: a filter is left attached for the next daemon, which adopts it.

pub(super) mod pins;

use std::os::fd::OwnedFd;

use super::fingerprint::{Identity, Target};
use super::refusal::{PinError, no_descriptor};
use super::state::{Attached, Changes, Loaded, LoadedMap};
use super::{Context, Filter, blame};
use crate::base::diagnostic::Diagnostic;
use crate::config::Exit;
use crate::kernel::attach::{Attachment, Mode};
use crate::kernel::interface::Interface;
use crate::kernel::map::Map;
use crate::kernel::program::Program;
use crate::log::Log;
use crate::plan::PlannedFilter;
use pins::{PinnedFilter, Pins};

/// Pins of a filter with `exit hold`.
pub(super) fn pins(context: &Context<'_>) -> Option<Pins> {
    let holds = context.block.exit == Exit::Hold;
    holds.then(|| Pins::of(&context.block.interface))
}

/// Pins the state that is about to be attached, so that an attached program always has its pinned state.
pub(super) fn pin_state(context: &Context<'_>, loaded: &Loaded) -> Result<(), Diagnostic> {
    let Some(pins) = pins(context) else {
        return Ok(());
    };
    let maps = loaded.maps.iter().map(|map| &map.map);
    pins.pin_state(loaded.fingerprint.identity, &loaded.program, maps)
        .map_err(|error| not_pinned(context, &error))
}

/// The filter that an earlier daemon left on `interface`. Pins that corexdp did not make matter to `exit hold` alone.
pub(super) fn pinned_filter(
    context: &Context<'_>,
    interface: &Interface,
) -> Result<Option<PinnedFilter>, Diagnostic> {
    match Pins::of(&context.block.interface).find(interface) {
        Ok(pinned) => Ok(pinned),
        Err(_) if context.block.exit == Exit::Detach => Ok(None),
        Err(error) => Err(not_pinned(context, &error)),
    }
}

/// The pinned maps of `target`, whose state is pinned; `cpus` is the number of possible CPUs.
pub(super) fn adopt_maps(
    context: &Context<'_>,
    pins: &Pins,
    mut target: Target,
    cpus: usize,
) -> Result<Vec<LoadedMap>, Diagnostic> {
    let identity = target.fingerprint.identity;
    let maps = context.object.maps.iter().enumerate();
    let adopted = maps.map(|(index, def)| {
        let fd = pins.map(identity, index);
        let fd = fd.map_err(|error| not_pinned(context, &error))?;
        let map = Map::adopt(fd, def, cpus).map_err(|errno| {
            let (name, why) = (&def.name, errno.desc());
            let what = format!("cannot adopt the pinned map {name}: {why}");
            context.wrong(context.block.exit_at, "exit", blame(errno), what)
        })?;
        Ok(LoadedMap {
            name: def.name.clone(),
            map,
            entries: target.take_entries(&def.name),
        })
    });
    adopted.collect()
}

/// The attachment of a pinned filter.
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
    Ok(Attached {
        attachment: Attachment::adopt(interface.index, mode, program.into(), link),
        reason: None,
    })
}

/// Error for a pin.
pub(super) fn not_pinned(context: &Context<'_>, error: &PinError) -> Diagnostic {
    let what = error.to_string();
    context.wrong(context.block.exit_at, "exit", error.blame(), what)
}

/// Warns of interfaces that an earlier daemon left filtered, and that none of the `planned` filters has.
pub fn warn_of_others(planned: &[PlannedFilter], log: &Log) {
    for (name, folder) in pins::interfaces() {
        if !planned
            .iter()
            .any(|filter| *filter.block.interface == *name)
        {
            let folder = folder.display();
            log.warn(format_args!(
                "{name}: an earlier daemon left a filter in place that this Corefile does not name; `rm -r {folder}` ends it"
            ));
        }
    }
}

impl Filter {
    /// Makes the filter final, when no later step can fail: pins it with `exit hold`, else removes the pins of an earlier
    /// `exit hold`.
    pub fn persist(&mut self, log: &Log) {
        self.set_changes(Changes::default());
        if !self.holds {
            self.unpin();
            self.pins = None;
            return;
        }
        let Some((pins, attached)) = self.pins.as_ref().zip(self.attached.as_mut()) else {
            return;
        };
        let (name, identity) = (&self.interface, self.fingerprint.identity);
        let maps = self.maps.iter().map(|map| &map.map);
        let state = pins.pin_state(identity, &self.program, maps);
        if let Err(error) = state.and_then(|()| pins.pin_link(&mut attached.attachment)) {
            log.error(format_args!("{name}: will not outlive the daemon: {error}"));
            self.unpin();
        } else if let Err(error) = pins.remove_others(identity) {
            log.warn(format_args!("{name}: an earlier state remains: {error}"));
        }
    }

    /// Marks the pinned state, if there is one, as being changed. If this daemon dies then, the next one replaces the
    /// state.
    pub(super) fn mark_modified(&self) -> Result<(), PinError> {
        self.rename_state(self.fingerprint.identity, Identity::MODIFIED)
    }

    /// Undoes [`Filter::mark_modified`].
    pub(super) fn unmark_modified(&self) -> Result<(), PinError> {
        self.rename_state(Identity::MODIFIED, self.fingerprint.identity)
    }

    fn rename_state(&self, from: Identity, to: Identity) -> Result<(), PinError> {
        let pins = self.pins.as_ref();
        pins.map_or(Ok(()), |pins| pins.rename_state(from, to))
    }

    /// Removes the pins, if there are any; the attachment then ends with the daemon.
    pub(super) fn unpin(&mut self) {
        self.unpin_link();
        if let Some(pins) = &self.pins {
            pins.remove_all();
        }
    }

    /// Removes the pin of the attachment, which then ends with the daemon.
    pub(super) fn unpin_link(&mut self) {
        if let Some((pins, attached)) = self.pins.as_ref().zip(self.attached.as_mut()) {
            pins.unpin_link();
            attached.attachment.outlive(false);
        }
    }

    /// True if the filter stays attached when the daemon ends.
    pub fn outlives(&self) -> bool {
        self.attachment().is_some_and(Attachment::outlives)
    }
}
