//! Records of a zone file (RFC 1035, section 5.1): owners, origins, comments, quotes and parentheses.

use super::{Reason, detect};

/// Maximum number of lines of a record in parentheses.
const MAX_LINES: u32 = 100;
/// Maximum length of a name as text in bytes (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;

/// A name of a zone file: its text without a final dot, and whether the text is the whole name. Otherwise it is relative
/// to an origin that the file does not name.
#[derive(Clone, Debug, Default)]
pub(super) struct ZoneName {
    pub(super) text: String,
    pub(super) is_absolute: bool,
}

/// Words of a record that matter here.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Type in upper case; empty without one.
    pub(super) kind: String,
    /// First word of the data, if it is not in quotes.
    pub(super) data: Option<String>,
    /// True if the record has any word.
    has_words: bool,
}

/// State of reading a zone file.
#[derive(Debug, Default)]
pub(super) struct Zone {
    /// Name to which relative names belong.
    origin: ZoneName,
    /// Name of the zone; `None` before the first line that tells it.
    pub(super) apex: Option<ZoneName>,
    /// Owner of the last record.
    pub(super) owner: ZoneName,
    record: Record,
    /// Open parentheses, and the number of lines since the first.
    depth: u32,
    lines: u32,
}

impl Zone {
    /// Reads a line. Returns the record that ends with it.
    ///
    /// # Errors
    /// [`Reason::Malformed`].
    pub(super) fn line(&mut self, line: &str) -> Result<Option<Record>, Reason> {
        // Before the line that tells the format, comments of other formats are skipped.
        if self.depth == 0 && detect::is_comment(line.trim()) {
            return Ok(None);
        }
        let mut is_owner = self.depth == 0 && !line.starts_with([' ', '\t']);
        let mut words = Words { rest: line };
        while let Some((word, is_quoted)) = words.next() {
            match word {
                "(" if !is_quoted => self.depth += 1,
                ")" if !is_quoted => self.depth = self.depth.saturating_sub(1),
                _ if is_owner && !is_quoted && word.starts_with('$') => {
                    return self.control(word, words.next()).map(|()| None);
                }
                _ if is_owner => self.owner = self.resolve(word),
                _ => self.record.add(word, is_quoted),
            }
            self.record.has_words = true;
            is_owner = false;
        }
        if self.depth > 0 {
            self.lines += 1;
            if self.lines < MAX_LINES {
                return Ok(None);
            }
            self.depth = 0;
            self.lines = 0;
            self.record = Record::default();
            return Err(Reason::Malformed);
        }
        self.lines = 0;
        let record = std::mem::take(&mut self.record);
        match (record.has_words, record.kind.is_empty()) {
            (false, _) => Ok(None),
            (true, true) => Err(Reason::Malformed),
            (true, false) => Ok(Some(record)),
        }
    }

    /// A name as the zone file writes it, completed by the origin.
    pub(super) fn resolve(&self, word: &str) -> ZoneName {
        let origin = &self.origin;
        if let Some(text) = word.strip_suffix('.') {
            return ZoneName {
                text: text.to_ascii_lowercase(),
                is_absolute: true,
            };
        }
        let mut text = match word {
            "@" => return origin.clone(),
            _ => word.to_ascii_lowercase(),
        };
        if !origin.text.is_empty() {
            text.push('.');
            text.push_str(&origin.text);
        }
        ZoneName {
            text,
            is_absolute: origin.is_absolute,
        }
    }

    /// The name without the zone's name at its end: empty for the zone itself, `None` for a name outside the zone.
    pub(super) fn inside<'a>(&self, name: &'a ZoneName) -> Option<&'a str> {
        match &self.apex {
            Some(apex) if apex.is_absolute && name.is_absolute => {
                let rest = name.text.strip_suffix(apex.text.as_str())?;
                match rest.strip_suffix('.') {
                    Some(inside) => Some(inside),
                    None if rest.is_empty() || apex.text.is_empty() => Some(rest),
                    None => None,
                }
            }
            _ => (!name.is_absolute).then_some(name.text.as_str()),
        }
    }

    /// A line that begins with `$`.
    fn control(&mut self, name: &str, argument: Option<(&str, bool)>) -> Result<(), Reason> {
        match (name.to_ascii_uppercase().as_str(), argument) {
            ("$TTL", _) => Ok(()),
            ("$ORIGIN", Some((origin, false))) => {
                let origin = self.resolve(origin);
                // A relative origin makes the last one longer.
                if origin.text.len() > MAX_NAME {
                    return Err(Reason::Malformed);
                }
                self.origin = origin;
                if self.apex.is_none() && self.origin.is_absolute {
                    self.apex = Some(self.origin.clone());
                }
                Ok(())
            }
            _ => Err(Reason::Malformed),
        }
    }
}

impl Record {
    /// Adds a word after the owner: TTL and class, which are ignored, the type, or data.
    fn add(&mut self, word: &str, is_quoted: bool) {
        if !self.kind.is_empty() {
            self.data.get_or_insert_with(|| {
                if is_quoted {
                    String::new()
                } else {
                    word.to_ascii_lowercase()
                }
            });
            return;
        }
        let is_ttl = word.starts_with(|first: char| first.is_ascii_digit());
        let kind = word.to_ascii_uppercase();
        if !is_ttl && !is_quoted && !matches!(kind.as_str(), "IN" | "CH" | "HS" | "CS") {
            self.kind = kind;
        }
    }
}

/// Words of a line, each with whether it is in quotes. Parentheses are words, and a comment ends the line.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<(&'a str, bool)> {
        let text = self.rest.trim_start();
        let first = text.chars().next().filter(|first| *first != ';')?;
        let mut is_escaped = false;
        let is_quoted = first == '"';
        let start = usize::from(is_quoted);
        let body = text.get(start..)?;
        let end = body.find(|letter: char| {
            let ends = !is_escaped
                && if is_quoted {
                    letter == '"'
                } else {
                    letter.is_whitespace() || matches!(letter, ';' | '(' | ')' | '"')
                };
            is_escaped = letter == '\\' && !is_escaped;
            ends
        });
        let end = match end {
            Some(0) if !is_quoted => 1,
            Some(end) => end,
            None => body.len(),
        };
        let (word, rest) = body.split_at_checked(end)?;
        self.rest = match rest.strip_prefix('"') {
            Some(rest) if is_quoted => rest,
            _ => rest,
        };
        Some((word, is_quoted))
    }
}
