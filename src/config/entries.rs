//! The `map` and `entry` lines of an `ebpf` block, without a copy of their words.

use super::MapId;
use crate::corefile::{Corefile, Token};

/// Entries in order, stored as runs of lines of one form. A list of 100,000 addresses is one run.
#[derive(Debug)]
pub struct Entries {
    /// Index of the server block in the Corefile.
    block: usize,
    /// Index of the directive `ebpf` in the server block.
    directive: usize,
    runs: Vec<Run>,
    count: usize,
}

/// Properties that all lines of a run have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// Map of the line.
    pub map: MapId,
    /// Number of words of a line, the option's name included.
    pub words: usize,
    /// Number of words before KEY and VALUE: the option's name, and `@MAP` where given.
    pub prefix: usize,
    /// Size of the value of a `map` line in bytes; `None` for an `entry` line.
    pub value_size: Option<u32>,
}

/// Successive lines of one form.
#[derive(Debug)]
struct Run {
    form: Form,
    /// Index of the first line's first word among the directive's words.
    first: usize,
    lines: usize,
    /// Number of `map` lines of the same map before the run.
    index: usize,
}

/// One `map` or `entry` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// KEY; without one, [`Entry::index`] is the key.
    pub key: Option<Token>,
    /// Number of `map` lines of the same map before this line.
    pub index: usize,
    /// VALUE of a `map` line, or the FIELDs of an `entry` line.
    pub value: Value<'a>,
}

/// Words of a line after KEY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// VALUE of a `map` line, checked to be hexadecimal.
    Bytes {
        /// Hexadecimal digits.
        word: Token,
        /// Size of the value in bytes.
        size: u32,
    },
    /// Words FIELD=VALUE of an `entry` line, at least one.
    Words(&'a [Token]),
}

impl Entry<'_> {
    /// First token after the option's name and `@MAP`.
    pub fn at(&self) -> Option<Token> {
        self.key.or(match self.value {
            Value::Bytes { word, .. } => Some(word),
            Value::Words(words) => words.first().copied(),
        })
    }

    /// Option of the line: `map` or `entry`.
    pub const fn directive(&self) -> &'static str {
        match self.value {
            Value::Bytes { .. } => "map",
            Value::Words(_) => "entry",
        }
    }
}

impl Entries {
    /// An empty list for directive number `directive` of server block number `block`, both counted from 0.
    pub(super) const fn new(block: usize, directive: usize) -> Self {
        Self {
            block,
            directive,
            runs: Vec::new(),
            count: 0,
        }
    }

    /// Adds a line. `at` is the index of its first word in the directive, and `index` the number of `map` lines of the
    /// same map before the line.
    pub(super) fn add(&mut self, at: usize, form: Form, index: usize) {
        self.count += 1;
        if let Some(run) = self.runs.last_mut()
            && run.form == form
            && run.first + run.lines * form.words == at
        {
            run.lines += 1;
            return;
        }
        self.runs.push(Run {
            form,
            first: at,
            lines: 1,
            index,
        });
    }

    /// Number of entries of all maps.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// True if no map has entries.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Entries of one map. `corefile` is the Corefile from which the entries were read.
    pub fn of_map<'a>(&'a self, map: MapId, corefile: &'a Corefile) -> MapEntries<'a> {
        let block = corefile.blocks().get(self.block);
        let directive = block.and_then(|block| block.directives.get(self.directive));
        MapEntries {
            map: Some(map),
            words: directive.map_or(&[][..], |directive| &directive.tokens),
            runs: self.runs.iter(),
            run: None,
        }
    }
}

/// Iterator over the entries of one map. The default has no entries.
#[derive(Clone, Debug, Default)]
pub struct MapEntries<'a> {
    map: Option<MapId>,
    /// Words of the directive.
    words: &'a [Token],
    runs: std::slice::Iter<'a, Run>,
    /// Current run, and the number of its lines that were returned.
    run: Option<(&'a Run, usize)>,
}

impl<'a> Iterator for MapEntries<'a> {
    type Item = Entry<'a>;

    // A plain loop is faster than iterator adapters, and each line is visited twice.
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some((run, next)) = &mut self.run
                && *next < run.lines
            {
                let line = *next;
                *next += 1;
                return run.entry(self.words, line);
            }
            let run = self.runs.next()?;
            if Some(run.form.map) == self.map {
                self.run = Some((run, 0));
            }
        }
    }
}

impl Run {
    /// The entry of the line with index `line` in the run, less than [`Run::lines`].
    fn entry<'a>(&self, words: &'a [Token], line: usize) -> Option<Entry<'a>> {
        let Form {
            words: length,
            prefix,
            value_size,
            ..
        } = self.form;
        let start = self.first + line * length;
        let operands = words.get(start + prefix..start + length)?;
        let index = self.index + line;
        Some(match (value_size, operands) {
            (Some(size), &[word]) => Entry {
                key: None,
                index,
                value: Value::Bytes { word, size },
            },
            (Some(size), &[key, word]) => Entry {
                key: Some(key),
                index,
                value: Value::Bytes { word, size },
            },
            (None, [key, fields @ ..]) => Entry {
                key: Some(*key),
                index: self.index,
                value: Value::Words(fields),
            },
            _ => return None,
        })
    }
}
