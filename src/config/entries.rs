//! The `map` lines of an `ebpf` block, without a copy of their words.

use super::Entry;
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

/// Lines that follow each other and have as many words, and values of one size.
#[derive(Debug)]
struct Run {
    /// Where among the directive's words the first line begins.
    first: usize,
    lines: usize,
    /// Words of a line: 2, or 3 with a key.
    words: usize,
    value_size: u32,
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

    /// Adds the line of so many words that begins `at` a word of the directive.
    pub(super) fn add(&mut self, at: usize, words: usize, value_size: u32) {
        self.count += 1;
        if let Some(run) = self.runs.last_mut()
            && (run.words, run.value_size) == (words, value_size)
            && run.first + run.lines * run.words == at
        {
            run.lines += 1;
            return;
        }
        self.runs.push(Run {
            first: at,
            lines: 1,
            words,
            value_size,
        });
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Each entry; `corefile` is the one they were read from.
    pub fn iter<'a>(&'a self, corefile: &'a Corefile) -> impl Iterator<Item = Entry> + 'a {
        let block = corefile.blocks().get(self.block);
        let directive = block.and_then(|block| block.directives.get(self.directive));
        let words = directive.map_or(&[][..], |directive| &directive.tokens);
        self.runs.iter().flat_map(move |run| run.entries(words))
    }
}

impl Run {
    fn entries<'a>(&'a self, words: &'a [Token]) -> impl Iterator<Item = Entry> + 'a {
        let end = self.first + self.lines * self.words;
        let lines = words.get(self.first..end).unwrap_or_default();
        lines.chunks_exact(self.words.max(1)).filter_map(|line| {
            let (&value, before) = line.split_last()?;
            Some(Entry {
                key: before.get(1).copied(),
                value,
                value_size: self.value_size,
            })
        })
    }
}
