//! The report of a list: its format, and the lines that were skipped.

use super::{Action, Format};

/// Number of places that a report keeps.
pub const MAX_PLACES: usize = 5;
/// Length of an excerpt in characters.
const MAX_EXCERPT: usize = 40;

/// Defines [`Reason`] and its texts.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident => $text:literal,)*) => {
        /// The reason for which a line is skipped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $(#[doc = $text] $(#[doc = $doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The reason in words.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    TooLong => "a line of more than 4096 bytes",
    Nul => "binary data, such as a compressed file",
    NotUtf8 => "not UTF-8",
    /// The lines after it are not read.
    Page => "a web page, such as a proxy's login or error page",
    Unknown => "no known format",
    Malformed => "not a line of this format",
    NotAddress => "no address, prefix or range",
    NotName => "no domain name",
    OneLabel => "a name of one label",
    TooWide => "a network of too many addresses",
    Everything => "all names",
    HasAddress => "a name with an address of its own",
    Pattern => "a rule about more than a name",
    Option => "an option that a packet filter cannot apply",
    Trigger => "a trigger other than the name of a query",
    LocalData => "a name with data of its own",
    UnknownAction => "an unknown action",
    NoNxDomain => "no action of the program ends in _NXDOMAIN",
    NoNoData => "no action of the program ends in _NODATA",
    NoDrop => "no action of the program ends in _DROP",
    NoPassthru => "no action of the program ends in _PASS",
    NoTcpOnly => "no action of the program ends in _TRUNCATE",
    NoName => "a name, for a map of addresses",
    NoAddress => "an address, for a map of names",
    NoNetwork => "a network, for a map of single addresses",
    NoIpv6 => "an IPv6 address, for a map of IPv4 addresses",
    LongName => "a name longer than a key of the map",
    Full => "no room in the table",
    NoScope => "only names below, which the program cannot tell apart",
}

impl Reason {
    /// The reason for an action that the program does not have.
    pub const fn without(action: Action) -> Self {
        match action {
            Action::NxDomain => Self::NoNxDomain,
            Action::NoData => Self::NoNoData,
            Action::Drop => Self::NoDrop,
            Action::Passthru => Self::NoPassthru,
            Action::TcpOnly => Self::NoTcpOnly,
        }
    }
}

/// The place of a skipped line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line number, from 1.
    pub line: u64,
    /// The reason for which it is skipped.
    pub reason: Reason,
    /// The first characters of the line.
    pub excerpt: Box<str>,
}

/// The skipped lines of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    counts: [u64; Reason::ALL.len()],
    places: Vec<Place>,
}

impl Skipped {
    /// Number of skipped lines.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Each reason with the number of its lines, without reasons that have none.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, u64)> {
        let all = Reason::ALL.iter().copied().zip(self.counts);
        all.filter(|(_, count)| *count > 0)
    }

    /// The first skipped lines, at most [`MAX_PLACES`].
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Counts a line.
    pub(super) fn add(&mut self, line: u64, reason: Reason, text: &[u8]) {
        if let Some(count) = self.counts.get_mut(reason as usize) {
            *count += 1;
        }
        if self.places.len() < MAX_PLACES {
            // A character has at most four bytes.
            let start = text.get(..MAX_EXCERPT * 4).unwrap_or(text);
            let text = String::from_utf8_lossy(start);
            let excerpt: String = text.chars().take(MAX_EXCERPT).collect();
            self.places.push(Place {
                line,
                reason,
                excerpt: excerpt.into(),
            });
        }
    }
}

/// The outcome of reading a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The format, given or recognised; `None` if no line was of a known format.
    pub format: Option<Format>,
    /// Number of items that the caller took.
    pub kept: u64,
    /// Number of prefixes whose host bits were cleared.
    pub masked: u64,
    /// The skipped lines.
    pub skipped: Skipped,
}
