//! Comparison of the link header of an interface with the link header that a program expects.
//!
//! The daemon sets the variable [`LINK_HEADER`](crate::object::LINK_HEADER) of an object that declares the variable. A
//! program without the variable expects Ethernet unless the Corefile has `link`: on another link it would pass, or drop,
//! every packet.

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
    /// An Ethernet header: the default of a program without the variable.
    Ethernet,
    /// Either header: the daemon sets the variable.
    Variable,
    /// An IP header: the Corefile has `link ip`.
    Ip,
    /// Any header: the Corefile has `link any`, and the program has no variable.
    Any,
    /// The header of an `entry` line that sets the variable; `None` for an unknown value.
    Entry(Option<LinkHeader>),
}

/// A program that expects another header than its interface has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Misfit {
    expected: Expected,
    link_type: LinkType,
}

/// State that a filter needs when its interface changes its link type.
#[derive(Debug)]
pub(super) struct LinkFit {
    expected: Expected,
    /// The object; `None` unless the daemon sets the variable.
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
            _ if value.is_some() => Self::Variable,
            (Some((Link::Any, _)), _) => Self::Any,
            _ => Self::Ethernet,
        }
    }

    /// The header that the daemon writes to the variable for an interface of this type; `None` if the daemon leaves the
    /// object as is. A header from the Corefile fits every link type whose header is unknown.
    pub(super) fn on(self, link_type: LinkType) -> Result<Option<LinkHeader>, Misfit> {
        let header = link_type.header();
        let misfit = Err(Misfit {
            expected: self,
            link_type,
        });
        match (self, header) {
            (Self::Variable, Some(_)) => Ok(header),
            (Self::Ip, None | Some(LinkHeader::Ip)) => Ok(Some(LinkHeader::Ip)),
            (Self::Any, _)
            | (Self::Entry(_), None)
            | (Self::Ethernet, Some(LinkHeader::Ethernet)) => Ok(None),
            (Self::Entry(value), _) if value == header => Ok(None),
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
            Expected::Variable | Expected::Any => "the program reads Ethernet and IP",
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
            (Expected::Variable, _) => {
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
            object: (expected == Expected::Variable).then(|| Box::new(planned.object.clone())),
        }
    }

    /// The new value of the variable for an interface of this type; `None` if the loaded program fits.
    pub(super) fn new_header_for(&self, link_type: LinkType) -> Result<Option<LinkHeader>, Misfit> {
        let header = self.expected.on(link_type)?;
        Ok(header.filter(|new| self.header().is_some_and(|old| old != *new)))
    }

    /// The header that the program expects; `None` if it expects any.
    pub(super) fn expected_header(&self) -> Option<LinkHeader> {
        match self.expected {
            Expected::Ethernet => Some(LinkHeader::Ethernet),
            Expected::Variable => self.header(),
            Expected::Ip => Some(LinkHeader::Ip),
            Expected::Any => None,
            Expected::Entry(header) => header,
        }
    }

    /// True if the loaded program fits an interface of this type.
    pub(super) fn fits(&self, link_type: LinkType) -> bool {
        self.new_header_for(link_type)
            .is_ok_and(|new| new.is_none())
    }

    /// The value of the variable in the loaded program; `None` unless the daemon set the variable.
    pub(super) fn header(&self) -> Option<LinkHeader> {
        self.object.as_ref()?.link_header().and_then(LinkHeader::of)
    }
}
