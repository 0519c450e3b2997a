//! Errors in an object file: place, fault and remedy.

use std::fmt;

use crate::base::escape::Truncated;

/// Reason why an object cannot be used: the place, then the fault and its remedy.
///
/// `Display` gives one line. Names from the file are escaped and truncated, so that a malicious object cannot write
/// control characters or a megabyte into a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Fault>);

/// The place and the fault of an [`Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The file as a whole is not a BPF object, is truncated, or is for another machine.
    File(String),
    /// A section is damaged or unsupported.
    Section {
        /// The section's name, or `number N` when the name is unreadable.
        name: String,
        /// The fault and its remedy.
        what: String,
    },
    /// The entry function is missing, or is not in a section for XDP programs.
    Entry {
        /// The function's name.
        name: String,
        /// The fault and its remedy.
        what: String,
    },
    /// A linked function has an invalid instruction or relocation.
    Function {
        /// The function's name.
        name: String,
        /// The function's section.
        section: String,
        /// The fault and its remedy.
        what: String,
    },
    /// A map's definition is invalid or unsupported.
    Map {
        /// The map's name.
        name: String,
        /// The fault and its remedy.
        what: String,
    },
    /// The type information in section `.BTF`.
    Btf(String),
    /// The descriptors for [`LinkedObject::canonical`](super::LinkedObject::canonical) do not match the maps.
    Descriptors(String),
}

impl Error {
    /// The place and the fault.
    pub const fn fault(&self) -> &Fault {
        &self.0
    }

    pub(super) fn file(what: impl Into<String>) -> Self {
        Fault::File(what.into()).into()
    }

    pub(super) fn section(name: &str, what: impl Into<String>) -> Self {
        Fault::Section {
            name: name.into(),
            what: what.into(),
        }
        .into()
    }

    pub(super) fn entry(name: &str, what: impl Into<String>) -> Self {
        Fault::Entry {
            name: name.into(),
            what: what.into(),
        }
        .into()
    }

    pub(super) fn map(name: &str, what: impl Into<String>) -> Self {
        Fault::Map {
            name: name.into(),
            what: what.into(),
        }
        .into()
    }

    pub(super) fn btf(what: impl Into<String>) -> Self {
        Fault::Btf(what.into()).into()
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self(Box::new(fault))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault() {
            Fault::File(what) | Fault::Descriptors(what) => f.write_str(what),
            Fault::Section { name, what } => write!(f, "section {}: {what}", Quoted(name)),
            Fault::Entry { name, what } => write!(f, "entry function {}: {what}", Quoted(name)),
            Fault::Function {
                name,
                section,
                what,
            } => {
                write!(
                    f,
                    "function {} in section {}: {what}",
                    Quoted(name),
                    Quoted(section)
                )
            }
            Fault::Map { name, what } => write!(f, "map {}: {what}", Quoted(name)),
            Fault::Btf(what) => write!(f, "type information (section `.BTF`): {what}"),
        }
    }
}

impl std::error::Error for Error {}

/// A name from the file for a message: in backticks, escaped, at most 64 characters.
pub(super) struct Quoted<'a>(pub(super) &'a str);

/// Maximum length of a name in an error, in characters before escaping.
const MAX_NAME_LEN: usize = 64;

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Truncated(self.0, MAX_NAME_LEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_truncated() {
        let long = "x".repeat(65);
        let truncated = format!("`{}…`", "x".repeat(64));
        for (name, expected) in [
            ("xdp_prog", "`xdp_prog`"),
            ("", "``"),
            ("a\nb\u{1b}[2J", "`a\\nb\\u{1b}[2J`"),
            (long.as_str(), truncated.as_str()),
        ] {
            assert_eq!(Quoted(name).to_string(), expected);
        }
    }

    #[test]
    fn display_begins_with_the_place() {
        let function = Error::from(Fault::Function {
            name: "f".into(),
            section: "xdp".into(),
            what: "is bad".into(),
        });
        for (error, expected) in [
            (Error::file("no ELF file"), "no ELF file"),
            (Error::section(".data", "is cut"), "section `.data`: is cut"),
            (
                Error::entry("f", "is missing"),
                "entry function `f`: is missing",
            ),
            (function, "function `f` in section `xdp`: is bad"),
            (Error::map("m", "has no type"), "map `m`: has no type"),
            (
                Error::btf("is cut"),
                "type information (section `.BTF`): is cut",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }
}
