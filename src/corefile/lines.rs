//! The tokens of a directive as occurrences, arguments and lines.

use super::{Corefile, Directive, Token};

impl Directive {
    /// The occurrences of the directive in its server block, in order.
    ///
    /// Lines end as in Caddy's dispenser: a token continues the line of its predecessor if it is in the same file, on
    /// the line on which the predecessor ends. A file of one line that is imported twice in a row is therefore one
    /// line.
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

/// One occurrence of a directive: `HEAD ARGS… { BODY } REST…`.
#[derive(Clone, Debug)]
pub struct Occurrence<'a> {
    /// The name as written, variables not expanded.
    pub head: Token,
    /// The tokens before the opening brace, or before the end of the line.
    pub args: &'a [Token],
    /// The lines between the braces, if there are braces.
    pub body: Option<Lines<'a>>,
    /// The tokens after the closing brace. No directive of `CoreDNS` uses them.
    pub rest: &'a [Token],
}

/// Lines, each a name and its arguments. A line that opens a block includes the tokens of the block and its braces.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    corefile: &'a Corefile,
    tokens: &'a [Token],
    at: usize,
}

impl Lines<'_> {
    /// Index of the next line's first token among the directive's tokens.
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
        let (&head, tokens) = line.split_first()?;
        let is = |token: &Token, brace| brace_of(self.corefile, *token) == brace;
        let Some(open) = tokens.iter().position(|token| is(token, "{")) else {
            return Some(Occurrence {
                head,
                args: tokens,
                body: None,
                rest: &[],
            });
        };
        let (args, block) = tokens.split_at_checked(open)?;
        let (_, block) = block.split_first()?;
        let mut depth = 1usize;
        let close = block.iter().position(|token| {
            depth += usize::from(is(token, "{"));
            depth -= usize::from(is(token, "}"));
            depth == 0
        });
        // An opening brace from a variable's value may have no closing one. The block then extends to the end.
        let (tokens, rest) = block.split_at_checked(close.unwrap_or(block.len()))?;
        Some(Occurrence {
            head,
            args,
            body: Some(Lines {
                corefile: self.corefile,
                tokens,
                // The directive's name and the brace come before the block.
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

/// Removes one line from the front, with the block that opens on this line or the next.
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

/// The token's text if the token can be a brace, else an empty string. Avoids the look-up for plain tokens.
fn brace_of(corefile: &Corefile, token: Token) -> &str {
    if token.is_plain() {
        ""
    } else {
        corefile.text(token)
    }
}
