//! The names that an item matches.

use crate::table::ValueLayout;

/// Names that an item matches; the number is that of the value's member `exact`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Scope {
    /// The name and all names below it.
    #[default]
    Tree = 0,
    /// The name.
    Exact = 1,
    /// The names below the name, as a wildcard of DNS (RFC 4592).
    Below = 2,
}

impl Scope {
    /// The scope of a number; unknown numbers match the name alone, as `true` does.
    pub const fn of(number: u8) -> Self {
        match number {
            0 => Self::Tree,
            2 => Self::Below,
            _ => Self::Exact,
        }
    }

    /// True if the name itself is matched.
    pub const fn has_name(self) -> bool {
        !matches!(self, Self::Below)
    }

    /// True if names below are matched.
    pub const fn has_below(self) -> bool {
        !matches!(self, Self::Exact)
    }

    /// Reads and clears the member `exact` of a value, so that equal values of all scopes have one number.
    pub fn take(layout: &ValueLayout, value: &mut [u8]) -> Self {
        let member = layout.exact.and_then(|at| value.get_mut(at));
        member.map_or(Self::Tree, |member| Self::of(std::mem::take(member)))
    }

    /// Sets the member `exact` of a value.
    pub fn put(self, layout: &ValueLayout, value: &mut [u8]) {
        if let Some(member) = layout.exact.and_then(|at| value.get_mut(at)) {
            *member = self as u8;
        }
    }
}
