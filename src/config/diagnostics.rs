//! Errors of a Corefile's text, collected while it is read.

use std::fmt::Display;

use crate::base::diagnostic::{Blame, Errors};
use crate::corefile::{Corefile, Token};

/// Collector of the errors in one Corefile.
pub(super) struct Diagnostics<'a> {
    pub(super) corefile: &'a Corefile,
    errors: Errors,
}

impl<'a> Diagnostics<'a> {
    pub(super) fn new(corefile: &'a Corefile) -> Self {
        Self {
            corefile,
            errors: Errors::default(),
        }
    }

    pub(super) fn add(&mut self, at: Token, directive: &str, message: impl Display) {
        self.push(at, directive, &|| message.to_string());
    }

    /// Adds an error. `message` is called only if the error is kept, since each of 100,000 lines may have one.
    pub(super) fn add_with<M: Display>(
        &mut self,
        at: Token,
        directive: &str,
        message: impl Fn() -> M,
    ) {
        self.push(at, directive, &|| message().to_string());
    }

    /// Compiled once for all kinds of messages.
    fn push(&mut self, at: Token, directive: &str, message: &dyn Fn() -> String) {
        let corefile = self.corefile;
        self.errors.push_with(Blame::Corefile, || {
            corefile.diagnostic(at, directive, message(), Blame::Corefile)
        });
    }

    /// Number of errors, kept or not.
    pub(super) const fn count(&self) -> usize {
        self.errors.count()
    }

    pub(super) fn into_errors(self) -> Errors {
        self.errors
    }
}
