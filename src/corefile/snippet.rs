//! Snippets: `(NAME) { … }`, words to be imported by name.

use super::Token;
use super::error::Error;
use super::import::MOST_SNIPPETS;
use super::reading::{Reading, Snippet};
use crate::base::escape::Quoted;

/// Where an error is that is in a snippet's declaration.
const SNIPPET: &str = "snippet";

/// The name of the snippet that a block with these keys declares.
pub(super) fn declared(keys: &[String]) -> Option<&str> {
    match keys {
        [key] => key.strip_prefix('(')?.strip_suffix(')'),
        _ => None,
    }
}

impl Reading<'_> {
    /// Reads a snippet, of which the opening brace is the present word.
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
            .map(|&token| self.out.text.get(token).len().saturating_add(1))
            .fold(0, usize::saturating_add);
        let tokens = tokens.into();
        self.snippets.add(name, Snippet { tokens, bytes });
        Ok(())
    }

    /// Everything up to the matching brace, as it stands.
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

    /// A snippet that imports itself is refused even if nobody imports it. Longer circles end at [`MOST_SNIPPETS`].
    fn refuse_self_import(&mut self, name: &str, tokens: &[Token]) -> Result<(), Error> {
        let mut previous: Option<Token> = None;
        for pair in tokens.windows(2) {
            let &[word, argument] = pair else { continue };
            // Line breaks within the word before don't count here, other than everywhere else.
            let begins_line = previous.is_none_or(|previous| {
                (previous.file(), previous.line()) != (word.file(), word.line())
            });
            previous = Some(word);
            if !begins_line || self.out.text.get(word) != "import" {
                continue;
            }
            let resolved = self.resolve(argument, "import")?;
            if resolved.as_deref().unwrap_or(self.out.text.get(argument)) == name {
                let message = format!(
                    "snippet {} imports itself, which would take more than {MOST_SNIPPETS} imports; remove this one",
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
