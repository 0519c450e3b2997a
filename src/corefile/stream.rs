//! The words as the parser meets them: those of the Corefile, with each import's words in the place of the import.
//!
//! Imports are pushed onto a stack instead of being spliced into a list, so that an import costs nothing but itself.

use std::rc::Rc;

use super::Token;
use super::lexer::Lexer;
use super::text::{Full, Text};

/// Where words come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A file.
    File(Lexer),
    /// A snippet, and how many of its words are gone.
    Snippet(Rc<[Token]>, usize),
    /// A word that was given back.
    Again(Option<Token>),
}

impl Source {
    fn next(&mut self, text: &mut Text) -> Result<Option<Token>, Full> {
        match self {
            Self::File(lexer) => lexer.next(text),
            Self::Snippet(tokens, gone) => {
                let token = tokens.get(*gone).copied();
                *gone += usize::from(token.is_some());
                Ok(token)
            }
            Self::Again(token) => Ok(token.take()),
        }
    }
}

/// The words, with a view of the present one and the one before it.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The last is read first.
    sources: Vec<Source>,
    previous: Option<Token>,
    current: Option<Token>,
}

impl Stream {
    /// The present word: none before the first, and none when an import at the very end gave nothing.
    pub(super) fn current(&self) -> Option<Token> {
        self.current
    }

    /// The word before the present one. Not known after [`Stream::step_back`] and [`Stream::splice`].
    pub(super) fn previous(&self) -> Option<Token> {
        self.previous
    }

    /// Puts the words of `source` before all that is still to come.
    pub(super) fn push(&mut self, source: Source) {
        self.sources.push(source);
    }

    /// Moves on by one word; stays on the last one and gives `false` if there are no more.
    pub(super) fn advance(&mut self, text: &mut Text) -> Result<bool, Full> {
        let next = self.pull(text)?;
        if next.is_some() {
            self.previous = self.current;
            self.current = next;
        }
        Ok(next.is_some())
    }

    /// Moves on by one word if that stands in the same line.
    pub(super) fn advance_in_line(&mut self, text: &mut Text) -> Result<bool, Full> {
        let Some(next) = self.pull(text)? else {
            return Ok(false);
        };
        if let Some(current) = self.current
            && text.same_line(current, next)
        {
            self.previous = self.current;
            self.current = Some(next);
            return Ok(true);
        }
        self.push(Source::Again(Some(next)));
        Ok(false)
    }

    /// Gives the present word back: it is the next one again.
    pub(super) fn step_back(&mut self) {
        self.push(Source::Again(self.current));
        self.current = self.previous.take();
    }

    /// Takes words out, back to `before`, and puts those of `sources` in their place, to come next.
    pub(super) fn splice(&mut self, before: Option<Token>, sources: Vec<Source>) {
        self.previous = None;
        self.current = before;
        self.sources.extend(sources.into_iter().rev());
    }

    /// As [`Stream::advance`], but when there are no more words, moves past the last.
    pub(super) fn advance_or_leave(&mut self, text: &mut Text) -> Result<(), Full> {
        if !self.advance(text)? {
            self.previous = self.current.take();
        }
        Ok(())
    }

    /// Replaces the present word, for those who look at it later too.
    pub(super) fn set_current(&mut self, token: Token) {
        self.current = Some(token);
    }

    /// Whether the present word begins a line.
    pub(super) fn at_new_line(&self, text: &Text) -> bool {
        match (self.previous, self.current) {
            (Some(previous), Some(current)) => text.new_line(previous, current),
            (previous, _) => previous.is_none(),
        }
    }

    fn pull(&mut self, text: &mut Text) -> Result<Option<Token>, Full> {
        while let Some(source) = self.sources.last_mut() {
            if let Some(token) = source.next(text)? {
                return Ok(Some(token));
            }
            self.sources.pop();
        }
        Ok(None)
    }
}
