//! Which lines of a table are free. Only the lines themselves say so: a line is free if no root leads to it.

use super::nodes::{FIRST_LINE, Kind};

/// A number of lines, and of halves of further lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) lines: usize,
    pub(super) halves: usize,
}

impl Room {
    /// No line.
    pub(super) const NONE: Self = Self {
        lines: 0,
        halves: 0,
    };

    /// Adds a node of this kind.
    pub(super) const fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Small => self.halves += 1,
            Kind::Same | Kind::Next | Kind::Hosts => self.lines += 1,
        }
    }

    /// Adds another number.
    pub(super) const fn join(&mut self, other: Self) {
        self.lines += other.lines;
        self.halves += other.halves;
    }

    /// Half lines in all.
    pub(super) const fn size(self) -> usize {
        2 * self.lines + self.halves
    }

    /// Takes `wanted` lines and halves, the halves of further lines if need be. False if there is not enough room.
    pub(super) const fn take(&mut self, wanted: Self) -> bool {
        let Some(lines) = self.lines.checked_sub(wanted.lines) else {
            return false;
        };
        // Of a divided line, the second half may stay free.
        let missing = wanted.halves.saturating_sub(self.halves);
        let Some(lines) = lines.checked_sub(missing.div_ceil(2)) else {
            return false;
        };
        *self = Self {
            lines,
            halves: self.halves + 2 * missing.div_ceil(2) - wanted.halves,
        };
        true
    }
}

/// The lines of a table. A half line is *live* if a root leads to it, and *busy* if it is live or a packet may still read it.
pub(super) struct Lines {
    live: Vec<u64>,
    busy: Vec<u64>,
    count: usize,
    /// First line that may be free.
    cursor: usize,
    /// Free halves of lines whose other half is busy. An entry may be out of date.
    lone: Vec<u32>,
    /// Half lines that are not live any more, but busy.
    replaced: Vec<u32>,
    free: Room,
}

/// The half lines of a node.
fn halves(kind: Kind, half: u32) -> std::ops::Range<usize> {
    let first = half as usize;
    first..first + kind.words() / super::nodes::HALF
}

fn get(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64)
        .is_some_and(|word| word >> (at % 64) & 1 != 0)
}

fn set(bits: &mut [u64], at: usize, value: bool) {
    if let Some(word) = bits.get_mut(at / 64) {
        let bit = 1 << (at % 64);
        *word = if value { *word | bit } else { *word & !bit };
    }
}

impl Lines {
    /// `count` lines, of which those of the roots and the header are busy.
    pub(super) fn new(count: usize) -> Self {
        let words = (2 * count).div_ceil(64);
        let mut lines = Self {
            live: vec![0; words],
            busy: vec![0; words],
            count,
            cursor: FIRST_LINE,
            lone: Vec::new(),
            replaced: Vec::new(),
            free: Room::NONE,
        };
        for half in 0..2 * FIRST_LINE {
            set(&mut lines.busy, half, true);
        }
        lines
    }

    /// Marks a node as live. False if it lies in part outside, or is live already, as in a damaged table.
    pub(super) fn mark(&mut self, kind: Kind, half: u32) -> bool {
        let range = halves(kind, half);
        let is_aligned = kind == Kind::Small || half.is_multiple_of(2);
        if !is_aligned || range.end > 2 * self.count || range.clone().any(|at| get(&self.busy, at))
        {
            return false;
        }
        for at in range {
            set(&mut self.live, at, true);
            set(&mut self.busy, at, true);
        }
        true
    }

    /// Counts the free lines, after all nodes are marked.
    pub(super) fn count(&mut self) {
        for line in FIRST_LINE..self.count {
            self.count_line(line);
        }
    }

    fn count_line(&mut self, line: usize) {
        match [2 * line, 2 * line + 1].map(|half| get(&self.busy, half)) {
            [false, false] => self.free.lines += 1,
            [true, true] => {}
            [is_busy, _] => {
                self.free.halves += 1;
                self.push_lone(2 * line + usize::from(is_busy));
            }
        }
    }

    fn push_lone(&mut self, half: usize) {
        self.lone.extend(u32::try_from(half));
    }

    /// The free lines and half lines.
    pub(super) const fn free(&self) -> Room {
        self.free
    }

    /// Takes the room of a node, which becomes live; `None` if none is free.
    pub(super) fn take(&mut self, kind: Kind) -> Option<u32> {
        let half = self.find(kind)?;
        for at in halves(kind, half) {
            set(&mut self.live, at, true);
            set(&mut self.busy, at, true);
        }
        Some(half)
    }

    fn find(&mut self, kind: Kind) -> Option<u32> {
        while kind == Kind::Small
            && let Some(half) = self.lone.pop()
        {
            let at = half as usize;
            if !get(&self.busy, at) && get(&self.busy, at ^ 1) {
                self.free.halves -= 1;
                return Some(half);
            }
        }
        let is_free = |line: &usize| !get(&self.busy, 2 * line) && !get(&self.busy, 2 * line + 1);
        let line = (self.cursor..self.count).find(is_free)?;
        self.cursor = line + 1;
        self.free.lines -= 1;
        if kind == Kind::Small {
            self.free.halves += 1;
            self.push_lone(2 * line + 1);
        }
        u32::try_from(2 * line).ok()
    }

    /// Ends the life of a node. False if it was not live.
    pub(super) fn replace(&mut self, kind: Kind, half: u32) -> bool {
        let range = halves(kind, half);
        if !range.clone().all(|at| get(&self.live, at)) {
            return false;
        }
        for at in range {
            set(&mut self.live, at, false);
            self.replaced.extend(u32::try_from(at));
        }
        true
    }

    /// Frees what was replaced. No packet may be reading it any more.
    pub(super) fn recycle(&mut self) {
        for half in std::mem::take(&mut self.replaced) {
            let half = half as usize;
            set(&mut self.busy, half, false);
            if get(&self.busy, half ^ 1) {
                self.free.halves += 1;
                self.push_lone(half);
            } else {
                self.free.halves -= 1;
                self.free.lines += 1;
            }
        }
        self.cursor = FIRST_LINE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_divides_lines_into_halves() {
        let mut room = Room {
            lines: 2,
            halves: 1,
        };
        assert!(room.take(Room {
            lines: 1,
            halves: 2
        }));
        assert_eq!(
            room,
            Room {
                lines: 0,
                halves: 1
            }
        );
        assert!(!room.take(Room {
            lines: 0,
            halves: 2
        }));
        assert!(room.take(Room {
            lines: 0,
            halves: 1
        }));
    }

    #[test]
    fn lines_are_taken_until_none_is_free() {
        let mut lines = Lines::new(FIRST_LINE + 3);
        assert!(lines.mark(Kind::Small, 2 * 8193 + 1) && !lines.mark(Kind::Small, 2 * 8193 + 1));
        assert!(!lines.mark(Kind::Next, 2 * 8193) && !lines.mark(Kind::Next, 2 * 8194 + 1));
        assert!(!lines.mark(Kind::Next, 2 * 8196) && !lines.mark(Kind::Small, 0));
        lines.count();
        assert_eq!(
            lines.free(),
            Room {
                lines: 2,
                halves: 1
            }
        );
        assert_eq!(lines.take(Kind::Small), Some(2 * 8193));
        assert_eq!(lines.take(Kind::Small), Some(2 * 8194));
        assert_eq!(lines.take(Kind::Next), Some(2 * 8195));
        assert_eq!(lines.take(Kind::Next), None);
        assert_eq!(
            lines.free(),
            Room {
                lines: 0,
                halves: 1
            }
        );
        assert!(lines.replace(Kind::Next, 2 * 8195) && !lines.replace(Kind::Next, 2 * 8195));
        assert_eq!(lines.take(Kind::Next), None);
        lines.recycle();
        assert_eq!(lines.take(Kind::Next), Some(2 * 8195));
        assert_eq!(lines.take(Kind::Small), Some(2 * 8194 + 1));
        assert_eq!(lines.free(), Room::NONE);
    }
}
