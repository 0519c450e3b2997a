//! The step that sets the link header of a program: in the object before loading, later by loading a variant.

use std::os::fd::AsRawFd as _;

use super::Filter;
use super::content::Content;
use super::create_maps::{create_map, types_of, write_content};
use super::link_header::Expected;
use super::refusal::to_reason;
use super::stage::Stage;
use crate::base::diagnostic::Diagnostic;
use crate::config;
use crate::corefile::Corefile;
use crate::kernel::interface::{self, Interface};
use crate::kernel::map::Map;
use crate::kernel::program::{self, Program};
use crate::kernel::{Reason, btf, describe};
use crate::log::Log;
use crate::object::frame::{NEXT, Place};
use crate::object::{LinkHeader, LinkedObject, MapDef};
use crate::plan::PlannedFilter;

/// Sets the link header variable of the object of `planned` to the header of its interface. While the interface does not
/// exist, the value of the `running` filter is used. An object without the variable stays unchanged.
///
/// # Errors
/// When the program expects another header than the interface has.
pub fn set_link_header(
    planned: &mut PlannedFilter,
    corefile: &Corefile,
    running: Option<&Filter>,
) -> Result<(), Diagnostic> {
    let block = &planned.block;
    let found = interface::find(&block.interface).map_err(|error| {
        let blame = super::blame(error.errno);
        corefile.diagnostic(block.interface_at, "if", error.to_string(), blame)
    })?;
    let expected = Expected::of(planned);
    let header = match found {
        Some(interface) => expected
            .on(interface.link_type)
            .map_err(|misfit| misfit.diagnostic(planned, corefile))?,
        None => running.and_then(|running| running.stages().find_map(|stage| stage.link.header())),
    };
    if let Some(header) = header {
        planned.object.set_link_header(header);
    }
    Ok(())
}

/// A program loaded for another link header, with a new map of constants.
struct Variant {
    object: Box<LinkedObject>,
    program: Program,
    /// Index of the map of constants in [`Stage::maps`].
    index: usize,
    map: Map,
}

impl Filter {
    /// The first header of the packets: the header that the first program expects, or else that of the interface.
    pub fn link_header(&self) -> LinkHeader {
        let of_interface = || interface::find(&self.interface).ok()??.link_type.header();
        let header = self.head.link.expected_header().or_else(of_interface);
        header.unwrap_or(LinkHeader::Ethernet)
    }

    /// True if all loaded programs fit the type of this interface.
    pub(super) fn fits(&self, interface: &Interface) -> bool {
        let mut stages = self.stages();
        stages.all(|stage| stage.link.fits(interface.link_type))
    }

    /// Loads each program anew, with the same maps, that expects another link header than `interface` has. Called before
    /// the filter is attached to `interface`.
    ///
    /// # Errors
    /// The reason why a program cannot filter on `interface`; no program is changed then.
    pub(super) fn fit_to(&mut self, interface: &Interface, log: &Log) -> Result<(), Reason> {
        if self.fits(interface) {
            return Ok(());
        }
        let card = (self.wanted == config::Mode::Offload).then_some(interface.index);
        let mut variants = Vec::new();
        for stage in self.stages() {
            variants.push(stage.fit_to(interface, card)?);
        }
        let mut changed = false;
        for (stage, variant) in self.stages_mut().zip(variants) {
            if let Some(variant) = variant {
                stage.adopt_variant(variant);
                changed = true;
            }
        }
        if changed {
            let (name, link_type) = (&self.interface, interface.link_type);
            log.info(format_args!(
                "{name}: the interface is now of type {link_type}; the program is loaded anew for it"
            ));
            self.relink(log);
        }
        Ok(())
    }
}

impl Stage {
    /// The program for the link header of `interface`; `None` if the loaded program expects it.
    fn fit_to(&self, interface: &Interface, card: Option<u32>) -> Result<Option<Variant>, Reason> {
        let link_type = interface.link_type;
        let new = self.link.new_header_for(link_type);
        let Some(header) = new.map_err(|misfit| to_reason(&misfit))? else {
            return Ok(None);
        };
        let variant = self.variant(header, card).map_err(|why| {
            to_reason(&format_args!(
                "cannot load the program for packets of {link_type}: {why}"
            ))
        });
        variant.map(Some)
    }

    fn variant(&self, header: LinkHeader, card: Option<u32>) -> Result<Variant, &'static str> {
        let mut object = self.link.object.clone().ok_or("no object")?;
        object.set_link_header(header);
        // The stage may have had a successor when it was loaded.
        if self.next().is_some()
            && object.map(NEXT).is_none()
            && let Some(mut bare) = object.without_frame()
            && bare.add_frame(Place::Chained).is_ok()
        {
            *object = bare;
        }
        // A stage with fewer maps runs with a simpler frame, or without: the verifier refused the others.
        let loadable = object.with_maps(self.maps.len());
        let index = loadable
            .link_header_map()
            .filter(|_| loadable.maps.len() == self.maps.len());
        let (index, def) = index
            .and_then(|index| Some((index, loadable.maps.get(index)?)))
            .ok_or("an earlier daemon loaded it; reload")?;
        let types = object.kernel_btf();
        let loaded = types.as_ref().and_then(|types| btf::load(&types.blob).ok());
        let types = types_of(def, types.as_ref(), loaded.as_ref());
        let map = create_map(def, types, 1).map_err(|error| describe(error.errno))?;
        write_content(def, &map).map_err(|(_, errno)| describe(errno))?;
        let of_stage = |def: &MapDef| {
            let loaded = self.map(&def.name);
            loaded.map_or(-1, |loaded| loaded.map.fd().as_raw_fd())
        };
        let mut fds: Vec<_> = loadable.maps.iter().map(of_stage).collect();
        if let Some(fd) = fds.get_mut(index) {
            *fd = map.fd().as_raw_fd();
        }
        let program = Program::load(&loadable, &fds, card).map_err(|failure| match failure {
            program::Failure::Refused(errno) => describe(errno),
            program::Failure::Verifier(_) => "the verifier refused it",
            program::Failure::Object(_) => "the object has no canonical form",
        })?;
        drop(loadable);
        Ok(Variant {
            object,
            program,
            index,
            map,
        })
    }

    fn adopt_variant(&mut self, variant: Variant) {
        let Variant {
            object,
            program,
            index,
            map,
        } = variant;
        let Some(constants) = self.maps.get_mut(index) else {
            return;
        };
        let mut read_maps = self.read_maps.iter_mut();
        if let Some(read) = read_maps.find(|read| read.name == constants.name)
            && let Ok(map) = map.share()
        {
            read.content = Content::Map(map);
        }
        constants.map = map;
        self.program = program;
        let lists = self.maps.iter().map(|map| &map.entries);
        self.fingerprint = self.fingerprint.of_variant(&object, lists);
        self.link.object = Some(object);
    }
}
