//! The header with which packets of an interface begin, and the header that a program expects.
//!
//! The daemon sets the variable [`LINK_HEADER`](crate::object::LINK_HEADER) of an object that has it. A program without
//! the variable is for Ethernet unless the Corefile says otherwise: on another link it would pass, or drop, every packet.

use std::fmt;

use crate::base::diagnostic::{Blame, Diagnostic};
use crate::config::Link;
use crate::corefile::Corefile;
use crate::kernel::link_type::LinkType;
use crate::object::{LinkHeader, LinkedObject};
use crate::plan::PlannedFilter;

/// The header that a program expects, and the reason why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// An Ethernet header: nothing says otherwise.
    Ethernet,
    /// The one that the variable tells, which the daemon sets.
    Told,
    /// The IP header, by `link ip`.
    Ip,
    /// Any, by `link any`, for a program without the variable.
    Any,
    /// The value that the Corefile gives the variable.
    Entry(Option<LinkHeader>),
}

/// A program and an interface that do not fit together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Misfit {
    expected: Expected,
    link_type: LinkType,
}

/// State by which a filter follows its interface to another link type.
#[derive(Debug)]
pub(super) struct LinkFit {
    expected: Expected,
    /// The object, where the daemon sets the variable.
    pub(super) object: Option<Box<LinkedObject>>,
}

impl Expected {
    pub(super) fn of(planned: &PlannedFilter) -> Self {
        let value = planned.object.link_header();
        let entry = planned.link_header_at.and(value);
        match (planned.block.link, entry) {
            (Some((Link::Ip, _)), _) => Self::Ip,
            (_, Some(value)) => Self::Entry(LinkHeader::of(value)),
            // A program with the variable parses one of two headers, whatever `link any` says.
            _ if value.is_some() => Self::Told,
            (Some((Link::Any, _)), _) => Self::Any,
            _ => Self::Ethernet,
        }
    }

    /// The value that the daemon writes to the variable for an interface of this type; `None` if it writes nothing. A
    /// header that the Corefile names fits a link type without a known header.
    pub(super) fn on(self, link_type: LinkType) -> Result<Option<LinkHeader>, Misfit> {
        let there = link_type.header();
        let misfit = Err(Misfit {
            expected: self,
            link_type,
        });
        match (self, there) {
            (Self::Told, Some(_)) => Ok(there),
            (Self::Ip, None | Some(LinkHeader::Ip)) => Ok(Some(LinkHeader::Ip)),
            (Self::Any, _)
            | (Self::Entry(_), None)
            | (Self::Ethernet, Some(LinkHeader::Ethernet)) => Ok(None),
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
            Expected::Told | Expected::Any => "the program reads Ethernet and IP",
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

    pub(super) fn diagnostic(self, planned: &PlannedFilter, corefile: &Corefile) -> Diagnostic {
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

impl LinkFit {
    pub(super) fn of(planned: &PlannedFilter) -> Self {
        let expected = Expected::of(planned);
        Self {
            expected,
            object: (expected == Expected::Told).then(|| Box::new(planned.object.clone())),
        }
    }

    /// The header of an interface of this type, if the program was told another; `None` if the program fits as it is.
    pub(super) fn new_header_for(&self, link_type: LinkType) -> Result<Option<LinkHeader>, Misfit> {
        let header = self.expected.on(link_type)?;
        Ok(header.filter(|header| self.told().is_some_and(|told| told != *header)))
    }

    /// True if the program fits an interface of this type as it is.
    pub(super) fn fits(&self, link_type: LinkType) -> bool {
        self.new_header_for(link_type)
            .is_ok_and(|new| new.is_none())
    }

    /// The header that the daemon told the program.
    pub(super) fn told(&self) -> Option<LinkHeader> {
        self.object.as_ref()?.link_header().and_then(LinkHeader::of)
    }
}
