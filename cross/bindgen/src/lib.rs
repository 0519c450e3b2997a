//! The functions of bindgen 0.59 that bpf-sys 2.3.0 calls, based on a current bindgen.
//!
//! bindgen 0.59 panics with libclang 16 and later ("not a valid Ident"), and bpf-sys is no longer maintained.
//! `size_t` stays `u64` as in 0.59, because the code of redbpf relies on it.
#![forbid(unsafe_code)]

use std::{fmt, io, path::Path};

/// The options and headers of one run, like `bindgen::Builder` of 0.59.
pub struct Builder(current::Builder);

impl Default for Builder {
    fn default() -> Self {
        Self(current::Builder::default().size_t_is_usize(false))
    }
}

impl Builder {
    #[must_use]
    pub fn header(self, path: impl Into<String>) -> Self {
        self.with(|b| b.header(path))
    }

    /// Adds an argument for clang.
    #[must_use]
    pub fn clang_arg(self, argument: impl Into<String>) -> Self {
        self.with(|b| b.clang_arg(argument.into()))
    }

    /// Excludes a type.
    #[must_use]
    pub fn blocklist_type(self, name: impl AsRef<str>) -> Self {
        self.with(|b| b.blocklist_type(name))
    }

    /// Restricts the output to the named types and their dependencies.
    #[must_use]
    pub fn allowlist_type(self, name: impl AsRef<str>) -> Self {
        self.with(|b| b.allowlist_type(name))
    }

    /// Parses the headers.
    ///
    /// # Errors
    /// If libclang is missing or a header does not parse.
    pub fn generate(self) -> Result<Bindings, Error> {
        self.0.generate().map(Bindings).map_err(Error)
    }

    fn with(self, change: impl FnOnce(current::Builder) -> current::Builder) -> Self {
        Self(change(self.0))
    }
}

/// The Rust source generated from the headers.
pub struct Bindings(current::Bindings);

impl Bindings {
    /// Writes the source to `path`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_to_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.0.write_to_file(path)
    }
}

/// The error of [`Builder::generate`].
pub struct Error(current::BindgenError);

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
