//! Diagnostics: one line for each error, with its place and the remedy.

use std::fmt;
use std::ops::Deref;

use crate::base::escape::{Escaped, Plain};
use crate::base::quantity::Quantity;

/// Party at fault, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The Corefile's text.
    Corefile,
    /// A missing or unreadable file.
    Input,
    /// The content of the object file.
    Object,
    /// An interface that is missing, down, or in use by another program.
    Interface,
    /// The operating system.
    System,
    /// Missing privilege.
    Privilege,
}

/// One error, displayed as `FILE:LINE: DIRECTIVE: what is wrong; what would be right`. It is a pointer, so that the code
/// that returns it stays small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic(Box<Fault>);

/// Place, fault and remedy of a [`Diagnostic`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Corefile or imported file.
    pub file: String,
    /// Line, counted from 1; 0 for the file as a whole.
    pub line: u32,
    /// Directive or option at fault.
    pub directive: String,
    /// Error and remedy.
    pub message: String,
    /// Party at fault.
    pub blame: Blame,
}

impl From<Fault> for Diagnostic {
    fn from(fault: Fault) -> Self {
        Self(Box::new(fault))
    }
}

impl Deref for Diagnostic {
    type Target = Fault;

    fn deref(&self) -> &Fault {
        &self.0
    }
}

impl std::error::Error for Diagnostic {}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, directive) = (Escaped(&self.file), Plain(&self.directive));
        let (line, message) = (&self.line, Escaped(&self.message));
        if *line == 0 {
            return write!(f, "{file}: {message}");
        }
        write!(f, "{file}:{line}: {directive}: {message}")
    }
}

/// Maximum number of errors that [`Errors`] keeps.
pub const MAX_ERRORS: usize = 20;

/// Errors of a Corefile in the order found: the first [`MAX_ERRORS`], and the number of the omitted ones. A Corefile
/// with 100,000 wrong lines therefore takes no more memory, log and response than one with 20.
#[derive(Debug, Default)]
pub struct Errors {
    first: Vec<Diagnostic>,
    omitted: usize,
    /// True if an omitted error is in the Corefile's text.
    omits_corefile: bool,
}

impl Errors {
    /// Adds an error.
    pub fn push(&mut self, error: Diagnostic) {
        self.push_with(error.blame, || error);
    }

    /// Adds an error of `blame`. `error` is called only if the error is kept.
    pub fn push_with(&mut self, blame: Blame, error: impl FnOnce() -> Diagnostic) {
        if self.first.len() < MAX_ERRORS {
            self.first.push(error());
        } else {
            self.omitted += 1;
            self.omits_corefile |= blame == Blame::Corefile;
        }
    }

    /// Adds the errors of a later check.
    pub fn append(&mut self, later: Self) {
        later.first.into_iter().for_each(|error| self.push(error));
        self.omitted += later.omitted;
        self.omits_corefile |= later.omits_corefile;
    }

    /// Number of all errors, kept and omitted.
    pub const fn count(&self) -> usize {
        self.first.len() + self.omitted
    }

    /// The kept errors, then one with the number of the omitted errors, if any. `file` is the Corefile's name.
    pub fn into_vec(self, file: &str) -> Vec<Diagnostic> {
        let Self {
            mut first,
            omitted,
            omits_corefile,
        } = self;
        if omitted > 0 {
            let blame = match first.first() {
                Some(error) if !omits_corefile => error.blame,
                _ => Blame::Corefile,
            };
            first.push(Diagnostic::from(Fault {
                file: file.into(),
                line: 0,
                directive: "Corefile".into(),
                message: format!(
                    "{}; correct the first {MAX_ERRORS}, then check again",
                    Quantity(omitted as u64, "more error")
                ),
                blame,
            }));
        }
        first
    }
}

/// Dereferences to the kept errors.
impl Deref for Errors {
    type Target = [Diagnostic];

    fn deref(&self) -> &[Diagnostic] {
        &self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(blames: &[Blame]) -> Errors {
        let mut errors = Errors::default();
        for (index, &blame) in blames.iter().enumerate() {
            errors.push(Diagnostic::from(Fault {
                file: "Corefile".into(),
                line: u32::try_from(index).unwrap() + 1,
                directive: "map".into(),
                message: "wrong\u{202e}\n".into(),
                blame,
            }));
        }
        errors
    }

    #[test]
    fn a_diagnostic_is_one_line_without_controls() {
        let shown = errors(&[Blame::Corefile])[0].to_string();
        assert_eq!(shown, "Corefile:1: map: wrong\\u{202e}\\n");
    }

    #[test]
    fn errors_past_the_first_are_counted() {
        let objects = [Blame::Object; MAX_ERRORS];
        assert_eq!(errors(&objects).into_vec("Corefile").len(), MAX_ERRORS);
        for (later, blame) in [
            (Blame::Object, Blame::Object),
            (Blame::Corefile, Blame::Corefile),
        ] {
            let mut all = errors(&objects);
            all.append(errors(&[later; 30]));
            assert_eq!((all.len(), all.count()), (MAX_ERRORS, MAX_ERRORS + 30));
            let shown = all.into_vec("Corefile");
            let last = shown.last().unwrap();
            assert_eq!(
                last.to_string(),
                "Corefile: 30 more errors; correct the first 20, then check again"
            );
            assert_eq!(last.blame, blame);
        }
    }
}
