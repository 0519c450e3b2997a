//! The grammar: groups tokens into server blocks and directives.

use super::error::Error;
use super::snippet;
use super::state::{BLOCK, Parser};
use super::{Corefile, Directive, Host, ServerBlock, Token};
use crate::base::index::Index;

const UNMATCHED_BRACE: &str =
    "this \"}\" closes nothing; put the one that ends the server block on a line of its own";
const UNCLOSED_BRACE: &str =
    "this \"{\" is never closed; end its block with \"}\" on a line of its own";

/// Parses a Corefile; see [`Corefile::parse`].
pub(super) fn parse(
    name: &str,
    folder: &str,
    bytes: Vec<u8>,
    limit: usize,
    host: &mut dyn Host,
) -> Result<Corefile, Error> {
    let mut parser = Parser::new(name, folder, bytes, limit, host)?;
    while parser.advance()? {
        if let Some(block) = parser.server_block()? {
            parser.corefile.blocks.push(block);
        }
    }
    parser.corefile.blocks.shrink_to_fit();
    parser.corefile.text.shrink();
    Ok(parser.corefile)
}

/// Addresses before a block.
#[derive(Default)]
struct Addresses {
    keys: Vec<String>,
    /// Token of the first address.
    at: Option<Token>,
    /// True if no token follows in the Corefile.
    last_in_file: bool,
}

/// A server block being parsed.
#[derive(Default)]
struct BlockBuilder {
    directives: Vec<Directive>,
    index: Index,
}

impl BlockBuilder {
    /// Index of the directive `name`, which is added if it is new.
    fn directive(&mut self, name: &str) -> usize {
        if let Some(index) = self.index.get(name) {
            return index;
        }
        let index = self.directives.len();
        self.index.insert(name, index);
        self.directives.push(Directive {
            name: name.to_owned(),
            tokens: Vec::new(),
        });
        index
    }

    fn add(&mut self, index: usize, token: Option<Token>) {
        if let Some((directive, token)) = self.directives.get_mut(index).zip(token) {
            directive.tokens.push(token);
        }
    }

    fn finish(mut self, mut keys: Vec<String>, at: Token) -> ServerBlock {
        for directive in &mut self.directives {
            directive.tokens.shrink_to_fit();
        }
        self.directives.shrink_to_fit();
        keys.shrink_to_fit();
        ServerBlock {
            keys,
            at,
            directives: self.directives,
        }
    }
}

impl Parser<'_> {
    /// Parses the server block that begins at the current token; `None` for a snippet or a block without addresses.
    fn server_block(&mut self) -> Result<Option<ServerBlock>, Error> {
        let mut block = BlockBuilder::default();
        let addresses = self.addresses()?;
        if !addresses.last_in_file {
            if let Some(name) = snippet::declared(&addresses.keys) {
                self.declare_snippet(name)?;
                return Ok(None);
            }
            self.block_contents(&mut block)?;
        }
        let Addresses { keys, at, .. } = addresses;
        Ok(at.map(|at| block.finish(keys, at)))
    }

    /// Parses the addresses before a block, up to the first token after them.
    fn addresses(&mut self) -> Result<Addresses, Error> {
        let mut addresses = Addresses::default();
        let mut comma = false;
        loop {
            let mut word = self.expand_current(BLOCK)?;
            if word == "import" && self.stream.at_new_line(&self.corefile.text) {
                self.import()?;
                let moved = self.stream.advance_past_end(&mut self.corefile.text);
                self.map_full(moved, "import")?;
                continue;
            }
            if word == "{" {
                if comma {
                    return Err(self.dangling_comma("\"{\""));
                }
                return Ok(addresses);
            }
            // Empty quotes or an empty variable give an empty token, which is not an address.
            if !word.is_empty() {
                comma = word.ends_with(',');
                word.truncate(word.len() - usize::from(comma));
                addresses.at = addresses.at.or(self.stream.current());
                addresses.keys.push(word);
            }
            if !self.advance()? {
                if comma {
                    return Err(self.dangling_comma("nothing"));
                }
                addresses.last_in_file = true;
                return Ok(addresses);
            }
            if !comma && self.stream.at_new_line(&self.corefile.text) {
                return Ok(addresses);
            }
        }
    }

    fn dangling_comma(&self, follows: &str) -> Error {
        let message = format!(
            "{follows} follows the comma; remove the comma, or write another address after it"
        );
        self.error(BLOCK, &message)
    }

    /// Parses the directives of a block. The last block of a Corefile may omit its braces.
    fn block_contents(&mut self, block: &mut BlockBuilder) -> Result<(), Error> {
        let brace = self.stream.current();
        let braces = self.is_current("{");
        if !braces {
            self.stream.push_back();
        }
        let closed = self.directives(block)?;
        // As in Caddy, the closing brace of a directive at the end of the file closes the block too.
        if braces && !self.is_current("}") {
            return Err(self.error_at(brace, BLOCK, UNCLOSED_BRACE));
        }
        if let Some(brace) = brace.filter(|_| braces && !closed) {
            self.warn(brace, BLOCK, || UNCLOSED_BRACE.to_owned());
        }
        Ok(())
    }

    /// Parses directives. Returns true at the brace that closes their block, false at the end of the Corefile.
    fn directives(&mut self, block: &mut BlockBuilder) -> Result<bool, Error> {
        while self.advance()? {
            if self.is_current("}") {
                return Ok(true);
            }
            if self.is_current("import") {
                self.import()?;
            } else {
                self.directive(block)?;
            }
        }
        Ok(false)
    }

    /// Parses one directive, up to the end of its line or of its block.
    fn directive(&mut self, block: &mut BlockBuilder) -> Result<(), Error> {
        let name = self.expand_current(BLOCK)?;
        // As in Caddy, the directive's name is expanded, but its token keeps the variable.
        let index = block.directive(&name);
        block.add(index, self.stream.current());
        let mut depth = 0usize;
        let mut outermost = None;
        while self.advance()? {
            let new_line = self.stream.at_new_line(&self.corefile.text);
            let word = match self.stream.current() {
                // Fast path: a plain token inside a line is neither a brace nor an import.
                Some(token) if token.is_plain() && !new_line => "",
                _ => self.current_word(),
            };
            match word {
                "{" => {
                    depth += 1;
                    outermost = outermost.or(self.stream.current());
                }
                _ if new_line && depth == 0 => {
                    self.stream.push_back();
                    break;
                }
                "}" if depth == 0 => {
                    return Err(self.error(&name, UNMATCHED_BRACE));
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
            let token = self.expand_in_place(&name)?;
            block.add(index, token);
        }
        if outermost.is_none() {
            return Ok(());
        }
        Err(self.error_at(outermost, &name, UNCLOSED_BRACE))
    }
}
