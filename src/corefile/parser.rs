//! Groups words into server blocks and directives.

use super::error::Error;
use super::reading::{BLOCK, Places, Reading};
use super::snippet;
use super::{Corefile, Directive, Host, ServerBlock, Token};

const CLOSES_NOTHING: &str =
    "this \"}\" closes nothing; put the one that ends the server block on a line of its own";
const NEVER_CLOSED: &str =
    "this \"{\" is never closed; end its block with \"}\" on a line of its own";

/// Reads a Corefile, from its text to its server blocks.
pub(super) fn parse(
    name: &str,
    folder: &str,
    bytes: Vec<u8>,
    limit: usize,
    host: &mut dyn Host,
) -> Result<Corefile, Error> {
    let mut reading = Reading::new(name, folder, bytes, limit, host)?;
    while reading.advance()? {
        if let Some(block) = reading.server_block()? {
            reading.out.blocks.push(block);
        }
    }
    reading.out.blocks.shrink_to_fit();
    reading.out.text.shrink();
    Ok(reading.out)
}

/// A server block half read.
#[derive(Default)]
struct Draft {
    directives: Vec<Directive>,
    /// Where among them each name is.
    places: Places,
}

impl Draft {
    /// Where the directive of a name is, there from now on.
    fn place(&mut self, name: &str) -> usize {
        if let Some(&place) = self.places.get(name) {
            return place;
        }
        let place = self.directives.len();
        self.places.insert(name.to_owned(), place);
        self.directives.push(Directive {
            name: name.to_owned(),
            tokens: Vec::new(),
        });
        place
    }

    fn add(&mut self, place: usize, token: Option<Token>) {
        if let Some((directive, token)) = self.directives.get_mut(place).zip(token) {
            directive.tokens.push(token);
        }
    }

    fn finish(mut self, mut keys: Vec<String>) -> ServerBlock {
        for directive in &mut self.directives {
            directive.tokens.shrink_to_fit();
        }
        self.directives.shrink_to_fit();
        keys.shrink_to_fit();
        ServerBlock {
            keys,
            directives: self.directives,
        }
    }
}

impl Reading<'_> {
    /// Reads one server block, of which the first word is the present one. Snippets and blocks without keys are none.
    fn server_block(&mut self) -> Result<Option<ServerBlock>, Error> {
        let mut draft = Draft::default();
        let (keys, more) = self.addresses()?;
        if more {
            if let Some(name) = snippet::declared(&keys) {
                self.declare_snippet(name)?;
                return Ok(None);
            }
            self.contents(&mut draft)?;
        }
        Ok((!keys.is_empty()).then(|| draft.finish(keys)))
    }

    /// Reads the addresses before a block, up to the first word after them; gives `false` if there is none.
    fn addresses(&mut self) -> Result<(Vec<String>, bool), Error> {
        let mut keys = Vec::new();
        let mut comma = false;
        loop {
            let mut word = self.resolved_current(BLOCK)?;
            if word == "import" && self.stream.at_new_line(&self.out.text) {
                self.import()?;
                let moved = self.stream.advance_or_leave(&mut self.out.text);
                self.fits(moved, "import")?;
                continue;
            }
            if word == "{" {
                if comma {
                    return Err(self.dangling_comma("\"{\""));
                }
                return Ok((keys, true));
            }
            // Only quotes with nothing in them, or an empty variable, give an empty word.
            if !word.is_empty() {
                comma = word.ends_with(',');
                word.truncate(word.len() - usize::from(comma));
                keys.push(word);
            }
            if !self.advance()? {
                if comma {
                    return Err(self.dangling_comma("nothing"));
                }
                return Ok((keys, false));
            }
            if !comma && self.stream.at_new_line(&self.out.text) {
                return Ok((keys, true));
            }
        }
    }

    fn dangling_comma(&self, follows: &str) -> Error {
        let message = format!(
            "{follows} follows the comma; remove the comma, or write another address after it"
        );
        self.error(BLOCK, &message)
    }

    /// Reads what a block says, with braces around it or, as the last block may, without.
    fn contents(&mut self, draft: &mut Draft) -> Result<(), Error> {
        let brace = self.stream.current();
        let braces = self.is_current("{");
        if !braces {
            self.stream.step_back();
        }
        self.directives(draft)?;
        // A file may end after a directive's `}`: it passes for the block's own, as in CoreDNS.
        if braces && !self.is_current("}") {
            return Err(self.error_at(brace, BLOCK, NEVER_CLOSED));
        }
        Ok(())
    }

    fn directives(&mut self, draft: &mut Draft) -> Result<(), Error> {
        while self.advance()? {
            if self.is_current("}") {
                break;
            }
            if self.is_current("import") {
                self.import()?;
            } else {
                self.directive(draft)?;
            }
        }
        Ok(())
    }

    /// Reads one directive: to the end of its line, or of its block.
    fn directive(&mut self, draft: &mut Draft) -> Result<(), Error> {
        let name = self.resolved_current(BLOCK)?;
        // As in CoreDNS, only the name under which the words are kept is resolved, not the word itself.
        let place = draft.place(&name);
        draft.add(place, self.stream.current());
        let mut depth = 0usize;
        let mut outermost = None;
        while self.advance()? {
            let new_line = self.stream.at_new_line(&self.out.text);
            let word = match self.stream.current() {
                // Nothing that would matter here.
                Some(token) if token.is_plain() && !new_line => "",
                _ => self.current_word(),
            };
            match word {
                "{" => {
                    depth += 1;
                    outermost = outermost.or(self.stream.current());
                }
                _ if new_line && depth == 0 => {
                    self.stream.step_back();
                    break;
                }
                "}" if depth == 0 => {
                    return Err(self.error(&name, CLOSES_NOTHING));
                }
                "}" => {
                    depth -= 1;
                    outermost = outermost.filter(|_| depth > 0);
                }
                "import" if new_line => {
                    self.import()?;
                    continue;
                }
                _ => {}
            }
            let token = self.resolve_in_place(&name)?;
            draft.add(place, token);
        }
        if outermost.is_none() {
            return Ok(());
        }
        Err(self.error_at(outermost, &name, NEVER_CLOSED))
    }
}
