//! Another program, with its maps, in the place of the one that runs.

use super::attach::{self, AttachError, Attached};
use super::read_map::take_watches;
use super::{Context, Filter, Fingerprint, Loaded, ReadMap};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::interface;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;

impl Context<'_> {
    /// Puts what was loaded in the place of `old`, which filters the same interface. `old` then no longer filters, but
    /// has all that it needs to [take back](Filter::take_back) its place. What is not `lasting` waits to be confirmed.
    ///
    /// # Errors
    /// When the interface or its driver does not take it; `old` still filters.
    pub fn switch(
        &self,
        old: &mut Filter,
        loaded: Loaded,
        lasting: bool,
    ) -> Result<Filter, Diagnostic> {
        let interface = match self.device() {
            Ok(interface) => interface,
            // It is away, and what was loaded will follow it.
            Err(_) if old.placed.is_none() => return Ok(self.successor(old, loaded, None)),
            Err(wrong) => return Err(wrong),
        };
        self.pin_state(&loaded)?;
        let placed = old.placed.as_ref();
        let suits = placed.is_some_and(|held| attach::suits(self.block.mode, &interface, held));
        if !lasting || !suits {
            old.unpin_link();
        }
        let held = old.placed.take();
        match attach::attach(self.block.mode, &interface, &loaded.program, held) {
            Ok(placed) => Ok(self.successor(old, loaded, Some(placed))),
            Err(AttachError {
                failure,
                mode,
                held,
            }) => {
                old.placed = held;
                if old.placed.is_none() {
                    old.stand_again(self.log);
                }
                old.persist(self.log);
                Err(self.not_attached(failure, mode, &interface))
            }
        }
    }

    /// Goes on with what `old` has, which is the same but for entries and for what is read from its maps: nothing is
    /// loaded, and the counters of all other entries go on. `old` can take back its place, as after [`Context::switch`].
    ///
    /// # Errors
    /// When the kernel does not take an entry, there are no descriptors left, or the mode changes and the driver refuses;
    /// `old` still filters.
    pub fn reuse(
        &self,
        old: &mut Filter,
        origin: Fingerprint,
        lasting: bool,
        scan: &mut Scan,
    ) -> Result<Filter, Diagnostic> {
        let changes = self.change(old, &origin, scan)?;
        match self.go_on(old, origin, lasting, scan) {
            Ok(new) => Ok(Filter { changes, ..new }),
            Err(wrong) => {
                changes.undo(old, self.log);
                Err(wrong)
            }
        }
    }

    fn go_on(
        &self,
        old: &mut Filter,
        origin: Fingerprint,
        lasting: bool,
        scan: &mut Scan,
    ) -> Result<Filter, Diagnostic> {
        let maps: Result<Vec<Map>, _> = old.maps.iter().map(Map::share).collect();
        let maps = maps.map_err(|error| self.lacking(&error))?;
        let mut read_maps = self.read_maps(&maps)?;
        for read in &mut read_maps {
            let watched = |old: &ReadMap| old.name == read.name && old.watch.is_some();
            if !old.read_maps.iter().any(watched) {
                read.watch = self.watch(read, scan);
            }
        }
        let loaded = Loaded {
            program: old.program.share().map_err(|error| self.lacking(&error))?,
            read_maps,
            maps,
            origin,
        };
        let mut new = self.switch(old, loaded, lasting)?;
        if self.block.debug {
            take_watches(&mut new.read_maps, &mut old.read_maps);
        }
        Ok(new)
    }

    fn successor(&self, old: &Filter, loaded: Loaded, placed: Option<Attached>) -> Filter {
        Filter {
            reattached: old.reattached,
            pins: self.pins().or_else(|| old.pins.clone()),
            ..self.filter(loaded, placed)
        }
    }
}

impl Filter {
    /// Detaches; all that is needed to attach again stays.
    pub fn step_aside(&mut self) {
        self.unpin();
        self.placed = None;
        self.retry = None;
    }

    /// Puts this filter back in the place of `other`, which took it.
    pub fn take_back(&mut self, mut other: Self, log: &crate::log::Log) {
        self.placed = other.placed.take();
        if self.program.info.id == other.program.info.id {
            take_watches(&mut self.read_maps, &mut other.read_maps);
        }
        other.changes.undo(self, log);
        self.read_maps.iter().for_each(ReadMap::forget_count);
        self.stand_again(log);
        self.persist(log);
    }

    /// Attaches this filter's program, in the place of what it holds. There is nobody left to tell but the log when
    /// that fails.
    fn stand_again(&mut self, log: &crate::log::Log) {
        let name = &self.interface;
        let found = match interface::find(name) {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => return log.error(format_args!("{name}: {error}")),
        };
        match attach::attach(self.wanted, &found, &self.program, self.placed.take()) {
            Ok(placed) => self.placed = Some(placed),
            Err(AttachError { failure, held, .. }) => {
                log.error(format_args!("{name}: is not filtered any more: {failure}"));
                self.placed = held;
            }
        }
    }
}
