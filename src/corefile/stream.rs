//! The token stream: the tokens of the Corefile, with each import replaced with the imported tokens.
//!
//! An import is pushed onto a stack of sources, so that it does not copy the tokens after it.

use std::rc::Rc;

use super::Token;
use super::lexer::Lexer;
use super::text::{Text, TextFull};

/// A source of tokens.
#[derive(Debug)]
pub(super) enum Source {
    File(Lexer),
    /// The tokens of a snippet, and the index of the next token.
    Snippet(Rc<[Token]>, usize),
    /// A token that was pushed back; `None` after it was read again.
    PushedBack(Option<Token>),
}

impl Source {
    fn next(&mut self, text: &mut Text) -> Result<Option<Token>, TextFull> {
        match self {
            Self::File(lexer) => lexer.next(text),
            Self::Snippet(tokens, next) => {
                let token = tokens.get(*next).copied();
                *next += usize::from(token.is_some());
                Ok(token)
            }
            Self::PushedBack(token) => Ok(token.take()),
        }
    }
}

/// A stream of tokens that knows the current and the previous token.
#[derive(Debug, Default)]
pub(super) struct TokenStream {
    /// A stack: the last source is read first.
    sources: Vec<Source>,
    previous: Option<Token>,
    current: Option<Token>,
}

impl TokenStream {
    /// The current token. `None` before the first token, and when an import at the end of the Corefile is empty.
    pub(super) fn current(&self) -> Option<Token> {
        self.current
    }

    /// The token before the current token. `None` after [`TokenStream::push_back`] and [`TokenStream::splice`].
    pub(super) fn previous(&self) -> Option<Token> {
        self.previous
    }

    /// Inserts the tokens of `source` before the next token.
    pub(super) fn push(&mut self, source: Source) {
        self.sources.push(source);
    }

    /// Advances by one token; without a next token, stays on the last token and returns `false`.
    pub(super) fn advance(&mut self, text: &mut Text) -> Result<bool, TextFull> {
        let next = self.pull(text)?;
        if next.is_some() {
            self.previous = self.current;
            self.current = next;
        }
        Ok(next.is_some())
    }

    /// Advances by one token if the next token is in the same line.
    pub(super) fn advance_in_line(&mut self, text: &mut Text) -> Result<bool, TextFull> {
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
        self.push(Source::PushedBack(Some(next)));
        Ok(false)
    }

    /// Pushes the current token back: it becomes the next token again.
    pub(super) fn push_back(&mut self) {
        self.push(Source::PushedBack(self.current));
        self.current = self.previous.take();
    }

    /// Replaces the tokens that were read after `before` with the tokens of `sources`, which are read next.
    pub(super) fn splice(&mut self, before: Option<Token>, sources: Vec<Source>) {
        self.previous = None;
        self.current = before;
        self.sources.extend(sources.into_iter().rev());
    }

    /// Like [`TokenStream::advance`]. Without a next token, moves past the last one, so that no token is current.
    pub(super) fn advance_past_end(&mut self, text: &mut Text) -> Result<(), TextFull> {
        if !self.advance(text)? {
            self.previous = self.current.take();
        }
        Ok(())
    }

    /// Replaces the current token.
    pub(super) fn set_current(&mut self, token: Token) {
        self.current = Some(token);
    }

    /// True if the current token begins a line.
    pub(super) fn at_new_line(&self, text: &Text) -> bool {
        match (self.previous, self.current) {
            (Some(previous), Some(current)) => text.new_line(previous, current),
            (previous, _) => previous.is_none(),
        }
    }

    /// Reads a token from the last source that has one, and removes exhausted sources.
    fn pull(&mut self, text: &mut Text) -> Result<Option<Token>, TextFull> {
        while let Some(source) = self.sources.last_mut() {
            if let Some(token) = source.next(text)? {
                return Ok(Some(token));
            }
            self.sources.pop();
        }
        Ok(None)
    }
}
