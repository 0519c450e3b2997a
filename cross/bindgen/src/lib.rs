//! The few calls that bpf-sys 2.3.0 makes of bindgen 0.59, served by a current bindgen.
//!
//! bindgen 0.59 panics with libclang 16 and later ("not a valid Ident"), and bpf-sys is no longer maintained.
//! `size_t` stays `u64`, as 0.59 had it: redbpf's code is written against that.
#![forbid(unsafe_code)]

use std::{fmt, io, path::Path};

/// Collects what to read and how, as `bindgen::Builder` of 0.59 did.
#[derive(Default)]
pub struct Builder(Wrapped);

struct Wrapped(current::Builder);

impl Default for Wrapped {
    fn default() -> Self {
        Self(current::Builder::default().size_t_is_usize(false))
    }
}

impl Builder {
    /// Adds a header to read.
    #[must_use]
    pub fn header(self, path: impl Into<String>) -> Self {
        self.with(|b| b.header(path))
    }

    /// Adds an argument for clang.
    #[must_use]
    pub fn clang_arg(self, argument: impl Into<String>) -> Self {
        self.with(|b| b.clang_arg(argument.into()))
    }

    /// Leaves a type out.
    #[must_use]
    pub fn blocklist_type(self, name: impl AsRef<str>) -> Self {
        self.with(|b| b.blocklist_type(name))
    }

    /// Takes only the named types and what they need.
    #[must_use]
    pub fn allowlist_type(self, name: impl AsRef<str>) -> Self {
        self.with(|b| b.allowlist_type(name))
    }

    /// Reads the headers.
    ///
    /// # Errors
    /// When libclang is missing or a header does not parse.
    pub fn generate(self) -> Result<Bindings, Error> {
        self.0.0.generate().map(Bindings).map_err(Error)
    }

    fn with(self, change: impl FnOnce(current::Builder) -> current::Builder) -> Self {
        Self(Wrapped(change(self.0.0)))
    }
}

/// The Rust text made from the headers.
pub struct Bindings(current::Bindings);

impl Bindings {
    /// Writes the text to `path`.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write_to_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.0.write_to_file(path)
    }
}

/// Why headers could not be read.
pub struct Error(current::BindgenError);

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
