//! Adopting what an earlier daemon left in place, and leaving it in place for the next.

mod error;
pub(super) mod pins;

use super::attach::Attached;
use super::fingerprint::Identity;
use super::update_entries::Changes;
use super::{Context, Filter, Fingerprint, Loaded, blame, maps};
use crate::base::diagnostic::Diagnostic;
use crate::config::Exit;
use crate::kernel::attach::{Attachment, Mode};
use crate::kernel::errno;
use crate::kernel::interface::Interface;
use crate::kernel::map::Map;
use crate::kernel::program::Program;
use crate::log::Log;
use crate::plan::PlannedFilter;
use error::PinError;
use pins::{PinnedFilter, Pins};

impl Context<'_> {
    /// The pins that this filter shall have.
    pub(super) fn pins(&self) -> Option<Pins> {
        let holds = self.block.exit == Exit::Hold;
        holds.then(|| Pins::of(&self.block.interface))
    }

    /// Pins the state that is about to be attached, so that whoever finds its program attached finds that too.
    pub(super) fn pin_state(&self, loaded: &Loaded) -> Result<(), Diagnostic> {
        let Some(pins) = self.pins() else {
            return Ok(());
        };
        pins.keep_state(loaded.origin.identity, &loaded.program, &loaded.maps)
            .map_err(|trouble| self.troubled(&trouble))
    }

    /// What an earlier daemon left on `interface`. Pins that are none of ours are the business of `exit hold` only.
    pub(super) fn held(&self, interface: &Interface) -> Result<Option<PinnedFilter>, Diagnostic> {
        match Pins::of(&self.block.interface).find(interface) {
            Ok(held) => Ok(held),
            Err(_) if self.block.exit == Exit::Detach => Ok(None),
            Err(trouble) => Err(self.troubled(&trouble)),
        }
    }

    /// The filter that an earlier daemon left in place, so that it can be kept or switched.
    ///
    /// # Errors
    /// When there are pins that are none of ours.
    pub fn adopt(&self) -> Result<Option<Filter>, Diagnostic> {
        let interface = self.device()?;
        let Some(held) = self.held(&interface)? else {
            return Ok(None);
        };
        let pins = Pins::of(&self.block.interface);
        let origin = self.origin()?;
        let same = origin.identity == held.identity;
        let maps = if same {
            self.adopt_maps(&pins, &held)?
        } else {
            Vec::new()
        };
        let placed = self.adopt_attachment(&interface, held.link, &held.program)?;
        let mut filter = self.filter(
            Loaded {
                read_maps: self.read_maps(&maps)?,
                maps,
                program: held.program,
                origin: if same {
                    origin
                } else {
                    Fingerprint::foreign(held.identity)
                },
            },
            Some(placed),
        );
        filter.pins = Some(pins);
        Ok(Some(filter))
    }

    fn adopt_maps(&self, pins: &Pins, held: &PinnedFilter) -> Result<Vec<Map>, Diagnostic> {
        let defs = &self.object.maps;
        let cpus = maps::cpus(self)?;
        let fds = pins.maps(held.identity, defs.len());
        let fds = fds.map_err(|trouble| self.troubled(&trouble))?;
        let maps = fds.into_iter().zip(defs).map(|(fd, def)| {
            Map::adopt(fd, def, cpus).map_err(|errno| {
                let what = format!(
                    "the held map {} can't be adopted: {}",
                    def.name,
                    errno.desc()
                );
                self.wrong(self.block.exit_at, "exit", blame(errno), what)
            })
        });
        maps.collect()
    }

    fn adopt_attachment(
        &self,
        interface: &Interface,
        link: Option<std::os::fd::OwnedFd>,
        program: &Program,
    ) -> Result<Attached, Diagnostic> {
        let program = program.share().map_err(|error| self.lacking(&error))?;
        let mode = interface.xdp.and_then(|(mode, _)| mode);
        let mode = mode.unwrap_or(Mode::Native);
        Ok(Attached {
            attachment: Attachment::adopt(interface.index, mode, program.into(), link),
            reason: None,
        })
    }

    pub(super) fn lacking(&self, error: &std::io::Error) -> Diagnostic {
        let what = format!("no descriptor to be had: {error}");
        self.wrong(self.block.at, "ebpf", blame(errno(error)), what)
    }

    pub(super) fn troubled(&self, trouble: &PinError) -> Diagnostic {
        let what = trouble.to_string();
        self.wrong(self.block.exit_at, "exit", trouble.blame(), what)
    }
}

impl Filter {
    /// Makes what stands now last as `exit` says, when nothing more can go wrong: pins it, or removes the pins of an
    /// earlier `exit hold`.
    pub fn persist(&mut self, log: &Log) {
        self.changes = Changes::default();
        if !self.holds {
            self.unpin();
            self.pins = None;
            return;
        }
        let Some((pins, placed)) = self.pins.as_ref().zip(self.placed.as_mut()) else {
            return;
        };
        let name = &self.interface;
        let state = pins.keep_state(self.origin.identity, &self.program, &self.maps);
        if let Err(trouble) = state.and_then(|()| pins.keep_link(&mut placed.attachment)) {
            log.error(format_args!(
                "{name}: will not outlive the daemon: {trouble}"
            ));
            self.unpin();
        } else if let Err(trouble) = pins.forget_others(self.origin.identity) {
            log.warn(format_args!("{name}: left from before: {trouble}"));
        }
    }

    /// Has the pinned state, if there is one, be known as one whose entries are neither what they were nor what they
    /// shall be: a daemon that starts after this one died on the way replaces it.
    pub(super) fn mark_modified(&self) -> Result<(), PinError> {
        self.rename_state(self.origin.identity, Identity::MODIFIED)
    }

    /// The opposite.
    pub(super) fn persist_state(&self) -> Result<(), PinError> {
        self.rename_state(Identity::MODIFIED, self.origin.identity)
    }

    fn rename_state(&self, from: Identity, to: Identity) -> Result<(), PinError> {
        let pins = self.pins.as_ref();
        pins.map_or(Ok(()), |pins| pins.rename_state(from, to))
    }

    /// Removes the pins, if there are any, and lets the attachment end with the daemon.
    pub(super) fn unpin(&mut self) {
        self.unpin_link();
        if let Some(pins) = &self.pins {
            pins.forget();
        }
    }

    /// Lets the attachment end with the daemon for now.
    pub(super) fn unpin_link(&mut self) {
        if let Some((pins, placed)) = self.pins.as_ref().zip(self.placed.as_mut()) {
            pins.forget_link();
            placed.attachment.outlive(false);
        }
    }

    /// Whether it stays in place when the daemon ends.
    pub fn outlives(&self) -> bool {
        self.placed
            .as_ref()
            .is_some_and(|placed| placed.attachment.outlives())
    }
}

/// Tells of interfaces that an earlier daemon left filtered, and that none of the `named` filters is for.
pub fn warn_of_others(named: &[PlannedFilter], log: &Log) {
    for (name, folder) in pins::interfaces() {
        if !named.iter().any(|filter| *filter.block.interface == *name) {
            let folder = folder.display();
            log.warn(format_args!(
                "{name}: an earlier daemon left a filter in place that this Corefile does not name; `rm -r {folder}` ends it"
            ));
        }
    }
}
