//! The last lines, for the page.

use std::cmp::Ordering;
use std::fmt;

use super::Level;
use crate::base::utc::Utc;

/// How many lines are kept.
pub const LINES: usize = 16;
/// Bytes of a line that are kept; of a longer one the end is cut.
const LONGEST: usize = 240;
/// Says that there was more.
const CUT: char = '…';

/// A message that was logged.
#[derive(Clone, Debug)]
pub struct Message {
    /// When.
    pub at: Utc,
    /// How bad it is.
    pub level: Level,
    /// What it said, without the word `warning`.
    pub text: heapless::String<LONGEST>,
}

/// The last lines that were logged, wherever to. The system's log has a ring of its own for what it has not taken yet:
/// those lines are many more, each with its time as that log wants it, and gone once they are delivered.
#[derive(Default)]
pub(super) struct Recent(heapless::Vec<Message, LINES>);

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recent").field(&self.0.len()).finish()
    }
}

impl Recent {
    /// Adds a line; when there is no room, an old one goes for it.
    pub(super) fn push(&mut self, at: Utc, level: Level, said: &str) {
        if self.0.is_full() {
            self.0.remove(self.least(level));
        }
        let mut text = heapless::String::new();
        if text.push_str(said).is_err() {
            let room = LONGEST - CUT.len_utf8();
            let fits = said.get(..said.floor_char_boundary(room));
            // Both were just made to fit.
            let _ = text.push_str(fits.unwrap_or_default());
            let _ = text.push(CUT);
        }
        // There is room: one has just gone.
        let _ = self.0.push(Message { at, level, text });
    }

    /// Where the line stands that goes for one of this level: the oldest of those that are more, information or
    /// trouble. So neither drives out the other, for example where `debug` tells every change.
    fn least(&self, level: Level) -> usize {
        let informs = |line: &Message| line.level == Level::Info;
        let count = self.0.iter().filter(|line| informs(line)).count();
        let information = match (2 * count).cmp(&self.0.len()) {
            Ordering::Greater => true,
            Ordering::Equal => level == Level::Info,
            Ordering::Less => false,
        };
        let oldest = self.0.iter().position(|line| informs(line) == information);
        oldest.unwrap_or_default()
    }

    /// The lines, newest first.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Message> {
        self.0.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(recent: &Recent) -> Vec<&str> {
        recent.lines().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn the_last_lines_are_kept_newest_first() {
        let mut recent = Recent::default();
        let all: Vec<String> = (0..LINES + 5).map(|number| number.to_string()).collect();
        for text in &all {
            recent.push(Utc(0), Level::Info, text);
        }
        let expected: Vec<&str> = all.iter().rev().take(LINES).map(String::as_str).collect();
        assert_eq!(texts(&recent), expected);
    }

    #[test]
    fn trouble_and_information_leave_half_the_room_to_each_other() {
        for (first, then) in [(Level::Error, Level::Info), (Level::Info, Level::Warning)] {
            let mut recent = Recent::default();
            for _ in 0..LINES {
                recent.push(Utc(0), first, "first");
            }
            for _ in 0..3 * LINES {
                recent.push(Utc(0), then, "then");
            }
            let expected = [["then"; LINES / 2], ["first"; LINES / 2]].concat();
            assert_eq!(texts(&recent), expected);
        }
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        for (said, length) in [
            ("x".repeat(LONGEST), LONGEST),
            ("x".repeat(LONGEST + 1), LONGEST),
            ("ä".repeat(LONGEST), LONGEST - 1),
        ] {
            let mut recent = Recent::default();
            recent.push(Utc(0), Level::Info, &said);
            let kept = texts(&recent)[0];
            assert_eq!(kept.len(), length);
            let start = kept.strip_suffix(CUT).unwrap_or(kept);
            assert!(said.starts_with(start), "{kept}");
            assert_eq!(kept.ends_with(CUT), said.len() > LONGEST, "{kept}");
        }
    }
}
