//! The last messages, for the page.

use std::cmp::Ordering;
use std::fmt;

use super::Level;
use crate::base::utc::Utc;

/// Maximum number of messages.
pub const LINES: usize = 16;
/// Maximum size of a message in bytes; a longer message is truncated.
const MAX_TEXT: usize = 240;
/// End of a truncated message.
const ELLIPSIS: char = '…';

/// A message that was logged.
#[derive(Clone, Debug)]
pub struct Message {
    /// Time of the message.
    pub at: Utc,
    /// Severity.
    pub level: Level,
    /// Text without the prefix `warning: `.
    pub text: heapless::String<MAX_TEXT>,
}

/// The last messages, for every destination. The queue of a destination is separate, because it holds more messages,
/// already formatted, until they are sent.
#[derive(Default)]
pub(super) struct Recent(heapless::Vec<Message, LINES>);

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recent").field(&self.0.len()).finish()
    }
}

impl Recent {
    /// Adds a message. A full list first drops one.
    pub(super) fn push(&mut self, at: Utc, level: Level, message: &str) {
        if self.0.is_full() {
            self.0.remove(self.evicted(level));
        }
        let mut text = heapless::String::new();
        if text.push_str(message).is_err() {
            let room = MAX_TEXT - ELLIPSIS.len_utf8();
            let fits = message.get(..message.floor_char_boundary(room));
            // Cannot fail: `fits` leaves room for the ellipsis.
            let _ = text.push_str(fits.unwrap_or_default());
            let _ = text.push(ELLIPSIS);
        }
        // Cannot fail: a full list has dropped a message above.
        let _ = self.0.push(Message { at, level, text });
    }

    /// Index of the message to drop for a new message of this level: the oldest of level `Info` if they are more than
    /// half of the list, else the oldest warning or error. So warnings stay although `debug` logs every change.
    fn evicted(&self, level: Level) -> usize {
        let is_info = |line: &Message| line.level == Level::Info;
        let count = self.0.iter().filter(|line| is_info(line)).count();
        let drop_info = match (2 * count).cmp(&self.0.len()) {
            Ordering::Greater => true,
            Ordering::Equal => level == Level::Info,
            Ordering::Less => false,
        };
        let oldest = self.0.iter().position(|line| is_info(line) == drop_info);
        oldest.unwrap_or_default()
    }

    /// The messages, newest first.
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
    fn last_messages_are_kept_newest_first() {
        let mut recent = Recent::default();
        let all: Vec<String> = (0..LINES + 5).map(|number| number.to_string()).collect();
        for text in &all {
            recent.push(Utc(0), Level::Info, text);
        }
        let expected: Vec<&str> = all.iter().rev().take(LINES).map(String::as_str).collect();
        assert_eq!(texts(&recent), expected);
    }

    #[test]
    fn info_and_errors_each_keep_half_of_the_list() {
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
    fn long_message_is_truncated_between_characters() {
        for (text, length) in [
            ("x".repeat(MAX_TEXT), MAX_TEXT),
            ("x".repeat(MAX_TEXT + 1), MAX_TEXT),
            ("ä".repeat(MAX_TEXT), MAX_TEXT - 1),
        ] {
            let mut recent = Recent::default();
            recent.push(Utc(0), Level::Info, &text);
            let kept = texts(&recent)[0];
            assert_eq!(kept.len(), length);
            let start = kept.strip_suffix(ELLIPSIS).unwrap_or(kept);
            assert!(text.starts_with(start), "{kept}");
            assert_eq!(kept.ends_with(ELLIPSIS), text.len() > MAX_TEXT, "{kept}");
        }
    }
}
