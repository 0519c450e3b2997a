//! Errors of a Corefile's text, collected while it is read.

use crate::base::diagnostic::{Blame, Diagnostic};
use crate::corefile::{Corefile, Token};

/// The errors list so far.
pub(super) struct Diagnostics<'a> {
    pub(super) corefile: &'a Corefile,
    list: Vec<Diagnostic>,
}

impl<'a> Diagnostics<'a> {
    pub(super) fn new(corefile: &'a Corefile) -> Self {
        Self {
            corefile,
            list: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, at: Token, directive: &str, message: String) {
        self.list.push(
            self.corefile
                .diagnostic(at, directive, message, Blame::Corefile),
        );
    }

    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    pub(super) fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }
}
