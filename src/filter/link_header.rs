//! The header with which packets of an interface begin, and the program that fits.
//!
//! An object with the variable [`LINK_HEADER`](crate::object::LINK_HEADER) is told. Without it, a program is for Ethernet unless the Corefile says
//! otherwise: such a program on another link would pass, or drop, every packet.

use std::fmt;
use std::os::fd::AsRawFd as _;

use super::Filter;
use super::fingerprint::Fingerprint;
use super::load::{create_map, types_of, write_content};
use super::reattach::to_reason;
use super::state::LoadedMap;
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::config::{self, Link};
use crate::corefile::Corefile;
use crate::kernel::interface::{self, Interface};
use crate::kernel::link_type::LinkType;
use crate::kernel::map::Map;
use crate::kernel::program::{self, Program};
use crate::kernel::{Reason, btf};
use crate::log::Log;
use crate::object::{LinkHeader, LinkedObject};
use crate::plan::PlannedFilter;

/// The header that a program expects, and the reason why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// An Ethernet header: nothing says otherwise.
    Ethernet,
    /// The one that the variable tells, which the daemon sets.
    Told,
    /// The IP header, by `link ip`.
    Ip,
    /// Any, by `link any`; `told` if the daemon sets the variable.
    Any { told: bool },
    /// The value that the Corefile gives the variable.
    Entry(Option<LinkHeader>),
}

/// A program and an interface that do not fit together.
#[derive(Clone, Copy, Debug)]
struct Misfit {
    expected: Expected,
    link_type: LinkType,
}

/// What a filter needs to follow its interface to another link type.
#[derive(Debug)]
pub(super) struct LinkFit {
    expected: Expected,
    /// The object, where the daemon sets the variable.
    object: Option<Box<LinkedObject>>,
}

impl Expected {
    fn of(planned: &PlannedFilter) -> Self {
        let value = planned.object.link_header();
        let entry = planned.link_header_at.and(value);
        match (planned.block.link, entry) {
            (Some((Link::Any, _)), _) => Self::Any {
                told: value.is_some() && entry.is_none(),
            },
            (_, Some(value)) => Self::Entry(LinkHeader::of(value)),
            (Some((Link::Ip, _)), _) => Self::Ip,
            _ if value.is_some() => Self::Told,
            _ => Self::Ethernet,
        }
    }

    /// The value that the daemon writes to the variable for an interface of this type; `None` if it writes nothing. A
    /// header that the Corefile names fits a link type without a known header.
    fn on(self, link_type: LinkType) -> Result<Option<LinkHeader>, Misfit> {
        let there = link_type.header();
        let misfit = Err(Misfit {
            expected: self,
            link_type,
        });
        match (self, there) {
            (Self::Told, Some(_)) => Ok(there),
            (Self::Any { told }, _) => Ok(there.filter(|_| told)),
            (Self::Ip, None | Some(LinkHeader::Ip)) => Ok(Some(LinkHeader::Ip)),
            (Self::Entry(_), None) | (Self::Ethernet, Some(LinkHeader::Ethernet)) => Ok(None),
            (Self::Entry(value), _) if value == there => Ok(None),
            _ => misfit,
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = match self.link_type.header() {
            Some(LinkHeader::Ethernet) => "an Ethernet header",
            Some(LinkHeader::Ip) => "the IP header",
            None => "an unknown header",
        };
        let expected = match self.expected {
            Expected::Ethernet => "the program expects Ethernet",
            Expected::Ip => "`link ip` expects IP",
            Expected::Entry(_) => "the value of corexdp_link_header is another",
            Expected::Told | Expected::Any { .. } => "the program reads Ethernet and IP",
        };
        let link_type = self.link_type;
        write!(
            f,
            "packets begin with {header} ({link_type}), and {expected}"
        )
    }
}

impl Misfit {
    const fn remedy(self) -> &'static str {
        match (self.expected, self.link_type.header()) {
            (Expected::Ethernet, Some(_)) => {
                "filter the interface below, or write `link ip` for a program that reads IP"
            }
            (Expected::Ip, _) => "remove `link ip`",
            (Expected::Entry(_), _) => "remove the value, which the daemon sets",
            (Expected::Told, _) => {
                "filter the interface below, or write `link ip` if they begin with the IP header"
            }
            _ => "filter the interface below, or write `link any` for a program that reads them",
        }
    }

    fn diagnostic(self, planned: &PlannedFilter, corefile: &Corefile) -> Diagnostic {
        let block = &planned.block;
        let (at, directive) = match (self.expected, block.link, planned.link_header_at) {
            (Expected::Ip, Some((_, at)), _) => (at, "link"),
            (Expected::Entry(_), _, Some(at)) => (at, "entry"),
            _ => (block.interface_at, "if"),
        };
        let (name, remedy) = (&block.interface, self.remedy());
        let message = format!("interface {name}: {self}; {remedy}");
        corefile.diagnostic(at, directive, message, Blame::Interface)
    }
}

/// Sets the variable of the object, if it has one, for the interface of `planned`. While the interface is away, the value
/// is that of the `running` filter.
///
/// # Errors
/// When the program expects another header than packets of the interface have.
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
        Some(there) => expected
            .on(there.link_type)
            .map_err(|misfit| misfit.diagnostic(planned, corefile))?,
        None => running.and_then(|running| running.link.told()),
    };
    if let Some(header) = header {
        planned.object.set_link_header(header);
    }
    Ok(())
}

impl LinkFit {
    pub(super) fn of(planned: &PlannedFilter) -> Self {
        let expected = Expected::of(planned);
        let told = matches!(expected, Expected::Told | Expected::Any { told: true });
        Self {
            expected,
            object: told.then(|| Box::new(planned.object.clone())),
        }
    }

    /// The header that the daemon told the program.
    fn told(&self) -> Option<LinkHeader> {
        self.object.as_ref()?.link_header().and_then(LinkHeader::of)
    }
}

/// A program for another link header, with the map of its constants.
struct Variant {
    object: Box<LinkedObject>,
    program: Program,
    index: usize,
    map: Map,
}

impl Filter {
    /// Makes the program fit an interface to which it is about to be attached: loads it anew, with the same maps, if
    /// packets begin with another header than before.
    ///
    /// # Errors
    /// The reason why the program cannot filter there.
    pub(super) fn fit_to(&mut self, there: &Interface, log: &Log) -> Result<(), Reason> {
        let header = self.link.expected.on(there.link_type);
        let header = header.map_err(|misfit| to_reason(&misfit))?;
        let Some(header) =
            header.filter(|header| self.link.told().is_some_and(|told| told != *header))
        else {
            return Ok(());
        };
        let (name, link_type) = (&self.interface, there.link_type);
        let variant = self.variant(header, there).map_err(|why| {
            to_reason(&format_args!(
                "cannot load the program for packets of {link_type}: {why}"
            ))
        })?;
        log.info(format_args!(
            "{name}: the interface is now of type {link_type}; the program is loaded anew for it"
        ));
        self.adopt_variant(variant);
        Ok(())
    }

    /// True if the program fits an interface of this type as it is.
    pub(super) fn fits(&self, link_type: LinkType) -> bool {
        let header = self.link.expected.on(link_type);
        header.is_ok_and(|header| {
            header.is_none() || self.link.told().is_none_or(|told| Some(told) == header)
        })
    }

    fn variant(&self, header: LinkHeader, there: &Interface) -> Result<Variant, &'static str> {
        let mut object = self.link.object.clone().ok_or("no object")?;
        object.set_link_header(header);
        // The verifier may have refused the frame of this program.
        let bare = match self.totals() {
            Some(_) => None,
            None => object.without_frame(),
        };
        let loadable = bare.as_ref().unwrap_or(&object);
        let index = loadable
            .link_header_map()
            .filter(|_| loadable.maps.len() == self.maps.len());
        let (index, def) = index
            .and_then(|index| Some((index, loadable.maps.get(index)?)))
            .ok_or("an earlier daemon loaded it; reload")?;
        let types = object.kernel_btf();
        let loaded = types.as_ref().and_then(|types| btf::load(&types.blob).ok());
        let types = types_of(def, types.as_ref(), loaded.as_ref());
        let map = create_map(def, types, 1).map_err(|error| error.errno.desc())?;
        write_content(def, &map).map_err(|(_, errno)| errno.desc())?;
        let fds = self
            .maps
            .iter()
            .map(|LoadedMap { map, .. }| map.fd().as_raw_fd());
        let mut fds: Vec<_> = fds.collect();
        if let Some(fd) = fds.get_mut(index) {
            *fd = map.fd().as_raw_fd();
        }
        let card = (self.wanted == config::Mode::Offload).then_some(there.index);
        let program = Program::load(loadable, &fds, card).map_err(|failure| match failure {
            program::Failure::Refused(errno) => errno.desc(),
            program::Failure::Verifier(_) => "the verifier refused it",
            program::Failure::Object(_) => "the object has no canonical form",
        })?;
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
            read.map = map;
        }
        constants.map = map;
        self.program = program;
        let lists = self.maps.iter().map(|map| &map.entries);
        self.fingerprint = Fingerprint::new(&object, lists);
        self.link.object = Some(object);
    }
}
