//! The `map` and `entry` lines of an `ebpf` block, without a copy of their words.

use super::MapId;
use crate::corefile::{Corefile, Token};

/// Entries in order, as runs of like lines: a list of a hundred thousand addresses is one run.
#[derive(Debug)]
pub struct Entries {
    /// Which server block of the Corefile they stand in, and which directive of that.
    block: usize,
    directive: usize,
    runs: Vec<Run>,
    count: usize,
}

/// What lines have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The map that the line refers to.
    pub map: MapId,
    /// Words of a line.
    pub words: usize,
    /// How many of them stand before KEY and VALUE: the directive, and the map if the line names it.
    pub before: usize,
    /// Bytes of the value of a `map` line; `None` for an `entry` line.
    pub value_size: Option<u32>,
}

/// Lines that follow each other and have one form.
#[derive(Debug)]
struct Run {
    form: Form,
    /// Where among the directive's words the first line begins.
    first: usize,
    lines: usize,
    /// How many `map` lines of the same map stand before.
    index: usize,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key; without one, the line's index is the key.
    pub key: Option<Token>,
    /// The line's place among the `map` lines of its map.
    pub index: usize,
    /// The value.
    pub value: Value<'a>,
}

/// What stands in a line behind KEY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Of a `map` line: a word that was checked to be hexadecimal.
    Bytes {
        /// The word.
        word: Token,
        /// How many bytes it is.
        size: u32,
    },
    /// Of an `entry` line: FIELD=VALUE, at least one.
    Words(&'a [Token]),
}

impl Entry<'_> {
    /// Where it stands.
    pub fn at(&self) -> Option<Token> {
        self.key.or(match self.value {
            Value::Bytes { word, .. } => Some(word),
            Value::Words(words) => words.first().copied(),
        })
    }

    /// What the line begins with.
    pub const fn directive(&self) -> &'static str {
        match self.value {
            Value::Bytes { .. } => "map",
            Value::Words(_) => "entry",
        }
    }
}

impl Entries {
    /// No entries yet, in this directive of this server block.
    pub(super) const fn new(block: usize, directive: usize) -> Self {
        Self {
            block,
            directive,
            runs: Vec::new(),
            count: 0,
        }
    }

    /// Adds a line that begins `at` a word of the directive, behind `index` `map` lines of the same map.
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

    /// How many there are, of all maps.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Each entry of a map; `corefile` is the one they were read from.
    pub fn of<'a>(&'a self, map: MapId, corefile: &'a Corefile) -> Those<'a> {
        let block = corefile.blocks().get(self.block);
        let directive = block.and_then(|block| block.directives.get(self.directive));
        Those {
            map: Some(map),
            words: directive.map_or(&[][..], |directive| &directive.tokens),
            runs: self.runs.iter(),
            run: None,
        }
    }
}

/// The entries of one map; by default none.
#[derive(Clone, Debug, Default)]
pub struct Those<'a> {
    map: Option<MapId>,
    /// The directive's.
    words: &'a [Token],
    runs: std::slice::Iter<'a, Run>,
    /// The run that is being read, and how many of its lines were.
    run: Option<(&'a Run, usize)>,
}

impl<'a> Iterator for Those<'a> {
    type Item = Entry<'a>;

    // Written out, since this is done for each line twice.
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some((run, number)) = &mut self.run
                && *number < run.lines
            {
                let line = *number;
                *number += 1;
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
    /// The line of this number, which is less than [`Run::lines`].
    fn entry<'a>(&self, words: &'a [Token], number: usize) -> Option<Entry<'a>> {
        let Form {
            words: length,
            before,
            value_size,
            ..
        } = self.form;
        let start = self.first + number * length;
        let line = words.get(start + before..start + length)?;
        let index = self.index + number;
        Some(match (value_size, line) {
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
