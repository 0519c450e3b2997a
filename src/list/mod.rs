//! Lists: addresses and names in the formats in which others publish them.
//!
//! A [`Parser`] takes the bytes of a file in pieces of any size and passes each item to its caller. It keeps one line, and
//! nothing that grows with the file. A line that it cannot use is skipped and counted by [`Reason`].

mod adblock;
mod address;
mod cidr;
mod detect;
mod domains;
mod drop_json;
mod hosts;
mod ipset;
mod name;
mod parser;
mod punycode;
mod report;
mod rpz;
mod sink;
#[cfg(test)]
mod tests;
mod zone;

pub use parser::{MAX_LINE, Parser};
pub use report::{MAX_PLACES, Place, Reason, Report, Skipped};

/// The format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A prefix, an address or a range on each line.
    Cidr,
    /// The output of `ipset save`.
    Ipset,
    /// A JSON object with a member `cidr` on each line.
    DropJson,
    /// An address and names on each line, as in `/etc/hosts`.
    Hosts,
    /// A domain on each line.
    Domains,
    /// Rules of an ad blocker, such as `||name^`.
    Adblock,
    /// A response policy zone (draft-vixie-dnsop-dns-rpz-00).
    Rpz,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] = [
        Self::Cidr,
        Self::Ipset,
        Self::DropJson,
        Self::Hosts,
        Self::Domains,
        Self::Adblock,
        Self::Rpz,
    ];

    /// The format's word in the Corefile.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cidr => "cidr",
            Self::Ipset => "ipset",
            Self::DropJson => "drop-json",
            Self::Hosts => "hosts",
            Self::Domains => "domains",
            Self::Adblock => "adblock",
            Self::Rpz => "rpz",
        }
    }

    /// The format with this word.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// True if each item of the format has an action of its own.
    pub const fn has_actions(self) -> bool {
        matches!(self, Self::Rpz)
    }
}

/// The action that a list gives an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Respond that the name does not exist.
    NxDomain,
    /// Respond that the name has no data.
    NoData,
    /// Drop the query.
    Drop,
    /// Pass the query, whatever later items say.
    Passthru,
    /// Let the client ask again over TCP.
    TcpOnly,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 5] = [
        Self::NxDomain,
        Self::NoData,
        Self::Drop,
        Self::Passthru,
        Self::TcpOnly,
    ];

    /// End of the name of a program's enumerator for the action.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::NxDomain => "_NXDOMAIN",
            Self::NoData => "_NODATA",
            Self::Drop => "_DROP",
            Self::Passthru => "_PASS",
            Self::TcpOnly => "_TRUNCATE",
        }
    }
}

/// The names that an item of a name matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The name and all names below it.
    Tree,
    /// The name alone.
    Exact,
    /// The names below it, but not the name.
    Below,
}

/// One prefix or name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// Addresses with the same first bits.
    Prefix {
        /// The first address; an IPv4 address as its mapped IPv6 address.
        address: u128,
        /// Number of leading bits, of 128.
        length: u8,
    },
    /// Names.
    Name {
        /// The name in lower case as on the wire, without the empty label at the end: at least one label.
        wire: &'a [u8],
        /// The names that the item matches.
        scope: Scope,
    },
}

/// Number of ranks.
pub const RANKS: u8 = 4;

/// An item that a list gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The item.
    pub item: Item<'a>,
    /// The action that the list gives it.
    pub action: Option<Action>,
    /// Precedence in the list, below [`RANKS`]: an item of a lower rank applies even before longer ones.
    pub rank: u8,
}

/// Takes the items of a list. An error is the reason for which the item cannot be used.
pub type Visit<'a> = dyn FnMut(&Found<'_>) -> Result<(), Reason> + 'a;
