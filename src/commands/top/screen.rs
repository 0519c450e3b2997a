//! The live screen: its state, and the text that is drawn.

use std::io::{self, Write as _, stdout};
use std::os::fd::AsFd as _;

use super::report::Report;
use super::table::By;
use super::text::{self, Lines};
use crate::base::files;
use crate::kernel::terminal;

/// Least rows and columns of the layout: those of a VT100.
const ROWS: u16 = 24;
const COLUMNS: u16 = 80;
/// Lines of the screen that are not rows of tables: three of the head, and one with the keys.
const HEAD: u16 = 4;
/// Lines of a table that are not rows with keys: an empty line, the heading, and the row of the other keys.
const TABLE: u16 = 3;

/// The lines of `?`.
const HELP: &str = "\
corexdp top: packets by what they have in common, from samples

s  source     source addresses
n  network    networks of the sources: /24, or /56 for IPv6
d  name       names of queries
x  suffix     the names without their first label
t  type       types of queries, and protocols of other packets
v  verdict    verdicts
a  all        sources and names that are most of the packets; a network or a
              suffix has all its packets without a row of their own
space         pause, go on
q             quit

share         part of all packets
+/-           95 % of all shares differ by less from the true share, in points
drop, tx      part of the row's packets that were dropped, or answered by the
              program";

/// State of the screen.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// Subject of the table; `None` for sources and names.
    by: Option<By>,
    /// Rows of a table; `None` for as many as fit.
    count: Option<usize>,
    pub(super) is_paused: bool,
    shows_help: bool,
}

/// Effect of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    Quit,
    Draw,
    Nothing,
}

impl Screen {
    pub(super) fn new(by: Option<By>, count: Option<usize>) -> Self {
        Self {
            by,
            count,
            ..Self::default()
        }
    }

    /// Changes the state by a key. While the help is shown, any key hides it.
    pub(super) fn press(&mut self, key: u8) -> Pressed {
        if key == b'q' {
            return Pressed::Quit;
        }
        if std::mem::take(&mut self.shows_help) {
            return Pressed::Draw;
        }
        match key {
            b'?' | b'h' => self.shows_help = true,
            b' ' => self.is_paused = !self.is_paused,
            b'a' => self.by = None,
            _ => match By::ALL.into_iter().find(|by| by.letter() == key) {
                Some(by) => self.by = Some(by),
                None => return Pressed::Nothing,
            },
        }
        Pressed::Draw
    }

    /// The text of a screen of this size.
    pub(super) fn text(&self, report: &Report<'_>, (rows, columns): (u16, u16)) -> String {
        let (rows, columns) = (rows.max(ROWS), columns.max(COLUMNS));
        let mut lines = Lines::new(columns.into());
        if self.shows_help {
            HELP.lines().for_each(|line| lines.add(line));
            return lines.text;
        }
        let room = rows - HEAD;
        let fitting = match self.by {
            Some(_) => room - TABLE,
            None => room / 2 - TABLE,
        };
        let fitting = usize::from(fitting);
        let count = self.count.map_or(fitting, |count| count.min(fitting));
        text::write(&mut lines, report, self.by, count);
        lines.add(text::KEYS);
        lines.text
    }

    /// Draws the screen: each line over the former one, the cursor behind the last. Control sequences are those of a
    /// VT100: home, erase to the end of the line, erase to the end of the screen.
    ///
    /// # Errors
    /// Errors of the terminal.
    pub(super) fn draw(&self, report: &Report<'_>) -> io::Result<()> {
        let size = terminal::size(stdout().as_fd()).unwrap_or((ROWS, COLUMNS));
        let text = self.text(report, size);
        let drawn = text.trim_end().replace('\n', "\x1b[K\n");
        let mut out = files::stdout()?;
        write!(out, "\x1b[H{drawn}\x1b[K\x1b[J")?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::top::report::examples::tally;

    fn text(screen: &Screen, size: (u16, u16)) -> String {
        let sources: Vec<String> = (0..99).map(|host| format!("192.0.2.{host}")).collect();
        let samples: Vec<_> = sources
            .iter()
            .map(|source| {
                (
                    1,
                    1,
                    source.as_str(),
                    "a.very.long.name.of.many.labels.example.org",
                )
            })
            .collect();
        let report = Report {
            tally: &tally(&samples),
            interfaces: &["eth0".repeat(40)],
            lost: 0,
            span: "last 10 s",
        };
        screen.text(&report, size)
    }

    #[test]
    fn keys_change_the_table() {
        let mut screen = Screen::default();
        for (key, pressed, by) in [
            (b's', Pressed::Draw, Some(By::Source)),
            (b'n', Pressed::Draw, Some(By::Network)),
            (b'd', Pressed::Draw, Some(By::Name)),
            (b'x', Pressed::Draw, Some(By::Suffix)),
            (b't', Pressed::Draw, Some(By::Type)),
            (b'v', Pressed::Draw, Some(By::Verdict)),
            (b'\x1b', Pressed::Nothing, Some(By::Verdict)),
            (b'a', Pressed::Draw, None),
            (b'q', Pressed::Quit, None),
        ] {
            assert_eq!((screen.press(key), screen.by), (pressed, by));
        }
        for (key, paused, help) in [
            (b' ', true, false),
            (b'?', true, true),
            (b' ', true, false),
            (b' ', false, false),
        ] {
            assert_eq!(screen.press(key), Pressed::Draw);
            assert_eq!((screen.is_paused, screen.shows_help), (paused, help));
        }
    }

    #[test]
    fn manual_shows_the_screen() {
        let screen = text(&Screen::default(), (24, 80));
        let manual = include_str!("../../man/corexdp.8");
        let keys = text::KEYS.to_owned() + "\n";
        let mut headings = screen.lines().filter(|line| line.contains("share"));
        assert_eq!(headings.clone().count(), 2);
        assert!(headings.all(|heading| manual.contains(heading)));
        assert!(screen.ends_with(&keys) && manual.contains(&keys));
    }

    #[test]
    fn screen_fits_the_terminal() {
        for size in [(0, 0), (24, 80), (25, 80), (50, 132)] {
            for keys in [&b""[..], b"s", b"n", b"d", b"v", b"?"] {
                let mut screen = Screen::default();
                for key in keys {
                    assert_eq!(screen.press(*key), Pressed::Draw);
                }
                let text = text(&screen, size);
                let (rows, columns) = (size.0.max(ROWS), size.1.max(COLUMNS));
                assert!(text.lines().count() <= rows.into(), "{size:?}: {text}");
                assert!(
                    text.lines().all(|line| line.len() <= columns.into()),
                    "{text}"
                );
            }
        }
        let mut all = Screen::default();
        assert_eq!(all.press(b's'), Pressed::Draw);
        assert_eq!(text(&all, (24, 80)).lines().count(), 24);
        all.count = Some(2);
        assert_eq!(text(&all, (24, 80)).lines().count(), 4 + 3 + 2);
    }
}
