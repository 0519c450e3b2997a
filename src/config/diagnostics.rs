//! Collects what is wrong with a Corefile.

use crate::base::diagnostic::{Blame, Diagnostic};
use crate::corefile::{Corefile, Token};

/// Collects everything that is wrong with a Corefile's text.
pub(super) struct Diagnostics<'a> {
    pub(super) corefile: &'a Corefile,
    found: Vec<Diagnostic>,
}

impl<'a> Diagnostics<'a> {
    pub(super) fn new(corefile: &'a Corefile) -> Self {
        Self {
            corefile,
            found: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, at: Token, directive: &str, message: String) {
        self.found.push(
            self.corefile
                .diagnostic(at, directive, message, Blame::Corefile),
        );
    }

    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    pub(super) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }
}
