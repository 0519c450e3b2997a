//! Snippets: `(NAME) { … }` declares tokens for import by name.

use super::Token;
use super::error::Error;
use super::import::MAX_SNIPPET_IMPORTS;
use super::state::{Parser, Snippet};
use crate::base::escape::Quoted;

/// Directive that an error in a snippet's declaration names.
const SNIPPET: &str = "snippet";

/// The name of the snippet that a block with these keys declares; `None` for a server block.
pub(super) fn declared(keys: &[String]) -> Option<&str> {
    match keys {
        [key] => key.strip_prefix('(')?.strip_suffix(')'),
        _ => None,
    }
}

impl Parser<'_> {
    /// Parses a snippet whose opening brace is the current token.
    pub(super) fn declare_snippet(&mut self, name: &str) -> Result<(), Error> {
        if self.snippets.get(name).is_some() {
            return Err(self.wrong(
                name,
                "is declared twice; give each snippet a name of its own",
            ));
        }
        if !self.is_current("{") {
            return Err(self.wrong(name, "has no braces; write its directives between { and }"));
        }
        let tokens = self.snippet_tokens(name)?;
        self.refuse_self_import(name, &tokens)?;
        let bytes = tokens
            .iter()
            .map(|&token| self.corefile.text.get(token).len().saturating_add(1))
            .fold(0, usize::saturating_add);
        let tokens = tokens.into();
        self.snippets.add(name, Snippet { tokens, bytes });
        Ok(())
    }

    /// The tokens up to the matching brace, with variables not yet expanded.
    fn snippet_tokens(&mut self, name: &str) -> Result<Vec<Token>, Error> {
        let brace = self.stream.current();
        let mut depth = 1u32;
        let mut tokens = Vec::new();
        while self.advance()? {
            if self.is_current("}") {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Ok(tokens);
                }
            }
            depth = depth.saturating_add(u32::from(self.is_current("{")));
            tokens.extend(self.stream.current());
        }
        let message = format!(
            "the \"{{\" of {} is never closed; end it with \"}}\"",
            Quoted(name)
        );
        Err(self.error_at(brace, SNIPPET, &message))
    }

    /// Refuses a snippet that imports itself, even an unused one. Cycles of several snippets end at
    /// [`MAX_SNIPPET_IMPORTS`].
    fn refuse_self_import(&mut self, name: &str, tokens: &[Token]) -> Result<(), Error> {
        let mut previous: Option<Token> = None;
        for pair in tokens.windows(2) {
            let &[word, argument] = pair else { continue };
            // As in Caddy, line breaks inside the previous token are ignored here, but nowhere else.
            let begins_line = previous.is_none_or(|previous| {
                (previous.file(), previous.line()) != (word.file(), word.line())
            });
            previous = Some(word);
            if !begins_line || self.corefile.text.get(word) != "import" {
                continue;
            }
            let expanded = self.expand(argument, "import")?;
            if expanded
                .as_deref()
                .unwrap_or(self.corefile.text.get(argument))
                == name
            {
                let message = format!(
                    "snippet {} imports itself, which would take more than {MAX_SNIPPET_IMPORTS} imports; remove this one",
                    Quoted(name)
                );
                return Err(self.error_at(Some(word), "import", &message));
            }
        }
        Ok(())
    }

    fn wrong(&self, name: &str, what: &str) -> Error {
        self.error(SNIPPET, &format!("{} {what}", Quoted(name)))
    }
}
