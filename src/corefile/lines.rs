//! A directive's words as occurrences, arguments and lines.

use super::{Corefile, Directive, Token};

impl Directive {
    /// Its occurrences in the server block, in order.
    ///
    /// Lines end as they do for a plugin of `CoreDNS`: a word is in the line of the one before if it stands in the same
    /// file, in the line in which that one ends. So a file of one line that is imported twice in a row is one line still.
    pub fn occurrences<'a>(&'a self, corefile: &'a Corefile) -> Occurrences<'a> {
        Occurrences {
            corefile,
            tokens: &self.tokens,
            at: 0,
        }
    }
}

/// The occurrences of a directive.
#[derive(Clone, Debug)]
pub struct Occurrences<'a> {
    corefile: &'a Corefile,
    tokens: &'a [Token],
    at: usize,
}

/// A directive as it was written once: `HEAD ARGS… { BODY } REST…`.
#[derive(Clone, Debug)]
pub struct Occurrence<'a> {
    /// The name as written, variables not resolved.
    pub head: Token,
    /// The words up to the brace, or to the end of the line.
    pub args: &'a [Token],
    /// The lines between the braces, if there are any.
    pub body: Option<Lines<'a>>,
    /// What follows the closing brace; no directive of `CoreDNS` has a use for it.
    pub rest: &'a [Token],
}

/// Lines, each a name and its arguments; a line that opens a block has that block's words too, braces included.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    corefile: &'a Corefile,
    tokens: &'a [Token],
    at: usize,
}

impl Lines<'_> {
    /// Where among the directive's words the next line begins.
    pub const fn position(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Occurrences<'a> {
    type Item = Occurrence<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = take_line(self.corefile, &mut self.tokens)?;
        let start = self.at;
        self.at += line.len();
        let (&head, words) = line.split_first()?;
        let is = |token: &Token, brace| brace_of(self.corefile, *token) == brace;
        let Some(open) = words.iter().position(|token| is(token, "{")) else {
            return Some(Occurrence {
                head,
                args: words,
                body: None,
                rest: &[],
            });
        };
        let (args, block) = words.split_at_checked(open)?;
        let (_, block) = block.split_first()?;
        let mut depth = 1usize;
        let close = block.iter().position(|token| {
            depth += usize::from(is(token, "{"));
            depth -= usize::from(is(token, "}"));
            depth == 0
        });
        // A variable's value can be a brace that nothing closes: then the block has all that follows.
        let (tokens, rest) = block.split_at_checked(close.unwrap_or(block.len()))?;
        Some(Occurrence {
            head,
            args,
            body: Some(Lines {
                corefile: self.corefile,
                tokens,
                // The name and the brace are before it too.
                at: start + args.len() + 2,
            }),
            rest: rest.split_first().map_or(&[], |(_, rest)| rest),
        })
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [Token];

    fn next(&mut self) -> Option<Self::Item> {
        let line = take_line(self.corefile, &mut self.tokens)?;
        self.at += line.len();
        Some(line)
    }
}

/// Takes one line off the front, up to the end of the block that it opens, be it in the next line.
fn take_line<'a>(corefile: &Corefile, tokens: &mut &'a [Token]) -> Option<&'a [Token]> {
    let mut depth = 0usize;
    let mut len = 1;
    let mut previous = *tokens.first()?;
    for &token in tokens.get(1..)? {
        match brace_of(corefile, token) {
            "{" => depth = depth.saturating_add(1),
            _ if depth == 0 && !corefile.text.same_line(previous, token) => break,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        previous = token;
        len += 1;
    }
    let (line, rest) = tokens.split_at_checked(len)?;
    *tokens = rest;
    Some(line)
}

/// The word if it could be a brace, else nothing.
fn brace_of(corefile: &Corefile, token: Token) -> &str {
    if token.is_plain() {
        ""
    } else {
        corefile.text(token)
    }
}
