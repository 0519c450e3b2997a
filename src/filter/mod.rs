//! One running filter: maps created, filled, program loaded, attached.
//!
//! The order is the point. A filter is [`Loaded`] with its maps full before it is attached, and every filter is loaded
//! before the first is attached; dropping one at any step takes back all it did.

mod attach;
mod context;
mod entries;
mod fill;
mod fingerprint;
mod hold;
mod maps;
mod read_map;
mod reattach;
mod refusal;
mod replace;
mod rows;
mod update_entries;
mod wait;
pub mod watch;

use std::os::fd::AsRawFd;

use crate::base::diagnostic::{Blame, Diagnostic};
use crate::config::{self, Metric};
use crate::kernel::attach::Attachment;
use crate::kernel::interface::{self, Interface};
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;
use crate::kernel::program::Program;

use attach::{AttachError, Attached};
pub use context::Context;
pub use fill::Batch;
pub use fingerprint::Fingerprint;
use hold::pins::Pins;
pub use hold::warn_of_others;
pub use read_map::ReadMap;
use reattach::Retry;
pub use refusal::blame;
use refusal::held;
use update_entries::Changes;
pub use wait::wait_for;

/// A program in the kernel with its maps filled, attached to nothing yet.
#[derive(Debug)]
pub struct Loaded {
    program: Program,
    read_maps: Vec<ReadMap>,
    maps: Vec<Map>,
    origin: Fingerprint,
}

/// How a filter comes to be what the Corefile says.
#[derive(Debug)]
pub enum Prepared {
    /// The one that runs becomes it: at most entries change.
    Change(Fingerprint),
    /// This takes its place.
    Load(Loaded),
}

/// A program that filters an interface.
#[derive(Debug)]
pub struct Filter {
    /// The interface's name.
    pub interface: heapless::String<15>,
    /// The program.
    pub program: Program,
    /// The maps that are read.
    pub read_maps: Vec<ReadMap>,
    /// Numbers read from the maps, in the Corefile's order.
    pub metrics: Vec<Metric>,
    /// How often it was attached again, since its interface had gone.
    pub reattached: u64,
    /// Whether the program itself may add entries or delete some.
    pub changes_maps: bool,
    /// All its maps.
    maps: Vec<Map>,
    /// Whether it is to outlive the daemon; then it has pins, too.
    holds: bool,
    pins: Option<Pins>,
    wanted: config::Mode,
    placed: Option<Attached>,
    retry: Option<Retry>,
    /// What program, maps and entries it has.
    origin: Fingerprint,
    /// Where these entries took the place of others, until they stay.
    changes: Changes,
}

impl Filter {
    /// The attachment; `None` while the interface is away.
    pub fn attachment(&self) -> Option<&Attachment> {
        self.placed.as_ref().map(|placed| &placed.attachment)
    }

    /// The metrics in their order, in runs of one map: a run is read at once.
    pub fn metrics_by_map(&self) -> impl Iterator<Item = (&ReadMap, &[Metric])> {
        let runs = self.metrics.chunk_by(|one, next| one.map == next.map);
        runs.filter_map(|metrics| {
            let id = metrics.first()?.map;
            let mut maps = self.read_maps.iter();
            Some((maps.find(|read| read.id == Some(id))?, metrics))
        })
    }

    /// Whether it is to stay when the daemon ends.
    pub const fn holds(&self) -> bool {
        self.holds
    }

    /// Why it is not attached natively, where that was wanted.
    pub fn reason(&self) -> Option<&str> {
        self.placed.as_ref()?.reason.as_deref()
    }
}

impl Context<'_> {
    /// Looks up the interface, which must be there, up, and free.
    ///
    /// # Errors
    /// What it is not.
    pub fn interface(&self) -> Result<Interface, Diagnostic> {
        self.free(self.device()?)
    }

    fn free(&self, interface: Interface) -> Result<Interface, Diagnostic> {
        if let Some((_, id)) = interface.xdp {
            let what = held(&self.block.interface, id);
            return Err(self.wrong(self.block.interface_at, "if", Blame::Interface, what));
        }
        Ok(interface)
    }

    /// Looks up the interface, which must be there, up, and free, or filtered by what an earlier daemon left there.
    ///
    /// # Errors
    /// What it is not.
    pub fn ready(&self) -> Result<(), Diagnostic> {
        let interface = self.device()?;
        if interface.xdp.is_some() && self.held(&interface)?.is_some() {
            return Ok(());
        }
        self.free(interface).map(drop)
    }

    /// Looks up the interface, which must be there and up.
    fn device(&self) -> Result<Interface, Diagnostic> {
        let (name, at) = (&self.block.interface, self.block.interface_at);
        let wrong = |what: String| Err(self.wrong(at, "if", Blame::Interface, what));
        let found = interface::find(name).map_err(|error| self.kernel(at, "if", &error))?;
        let Some(interface) = found else {
            return wrong(format!(
                "interface {name} is missing; `wait DURATION` waits for one that appears late"
            ));
        };
        if !interface.up {
            return wrong(format!(
                "interface {name} is down; set it up, or let `wait DURATION` wait for it"
            ));
        }
        Ok(interface)
    }

    /// Prepares what is to stand in the place of `old`, which filters the interface, or where nothing does.
    ///
    /// # Errors
    /// When the kernel refuses; then nothing of it remains.
    pub fn prepare(
        &self,
        old: Option<&Filter>,
        batch: &mut Batch,
        scan: &mut Scan,
    ) -> Result<Prepared, Diagnostic> {
        let origin = old.map(|old| self.fits_into(old)).transpose()?.flatten();
        match origin {
            Some(origin) => Ok(Prepared::Change(origin)),
            None => self.load(batch, scan).map(Prepared::Load),
        }
    }

    /// Creates and fills the maps and loads the program.
    fn load(&self, batch: &mut Batch, scan: &mut Scan) -> Result<Loaded, Diagnostic> {
        let maps = maps::create(self)?;
        let lists = fill::fill(self, &maps, batch)?;
        let card = match self.block.mode {
            config::Mode::Offload => Some(self.device()?.index),
            _ => None,
        };
        let fds: Vec<_> = maps.iter().map(|map| map.fd().as_raw_fd()).collect();
        let program = Program::load(self.object, &fds, card).map_err(|failure| match card {
            Some(_) => self.no_offload(&failure),
            None => self.not_loaded(&failure),
        })?;
        let mut read_maps = self.read_maps(&maps)?;
        for read in &mut read_maps {
            // From before the first packet, so that no change is missed.
            read.watch = self.watch(read, scan);
        }
        Ok(Loaded {
            program,
            read_maps,
            maps,
            origin: Fingerprint::new(self, lists),
        })
    }

    /// Attaches what was loaded.
    ///
    /// # Errors
    /// When the interface is gone or held, or the driver refuses.
    pub fn attach(&self, loaded: Loaded) -> Result<Filter, Diagnostic> {
        let interface = self.interface()?;
        self.pin_state(&loaded)?;
        match attach::attach(self.block.mode, &interface, &loaded.program, None) {
            Ok(placed) => Ok(self.filter(loaded, Some(placed))),
            Err(AttachError { failure, mode, .. }) => {
                if let Some(pins) = self.pins() {
                    pins.forget();
                }
                Err(self.not_attached(failure, mode, &interface))
            }
        }
    }

    fn filter(&self, loaded: Loaded, placed: Option<Attached>) -> Filter {
        Filter {
            interface: self.block.interface.clone(),
            program: loaded.program,
            read_maps: loaded.read_maps,
            metrics: self.block.metrics.clone(),
            reattached: 0,
            changes_maps: self.object.changes_maps(),
            maps: loaded.maps,
            holds: self.block.exit == config::Exit::Hold,
            pins: self.pins(),
            wanted: self.block.mode,
            placed,
            retry: None,
            origin: loaded.origin,
            changes: Changes::default(),
        }
    }
}
