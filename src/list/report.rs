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

            /// The reason in words, after "line 7".
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    TooLong => "is longer than 4096 bytes",
    Nul => "has a NUL byte",
    NotUtf8 => "is not UTF-8",
    Unknown => "is of no known format",
    Malformed => "is not a line of this format",
    NotAddress => "is no address, prefix or range",
    NotName => "is no domain name",
    OneLabel => "is a name of one label",
    Everything => "covers all addresses or names",
    HasAddress => "gives a name a real address",
    Pattern => "is a rule about more than a name",
    Option => "has an option that a filter of packets cannot apply",
    Trigger => "has another trigger than a query's name",
    LocalData => "gives a name data of its own",
    UnknownAction => "has an unknown action",
    NoNxDomain => "has the action NXDOMAIN, which the program has not",
    NoNoData => "has the action NODATA, which the program has not",
    NoDrop => "has the action DROP, which the program has not",
    NoPassthru => "has the action PASSTHRU, which the program has not",
    NoTcpOnly => "has the action TCP-ONLY, which the program has not",
    NoName => "is a name, but the map has addresses",
    NoAddress => "is an address, but the map has names",
    NoNetwork => "is a network, but the map has single addresses",
    NoIpv6 => "is an IPv6 address, but the map has IPv4 addresses",
    LongName => "is a name longer than the map's keys",
    NoScope => "matches only the names below, which the program cannot",
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
