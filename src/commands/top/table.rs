//! Tables: rows of one or more levels of detail.
//!
//! A table with several levels has the finest rows that say something. A key has a row of its own if its share is at least
//! [`LEAST`], or half of its coarsest key, such as its network. The packets of other keys are counted in the row of their
//! coarser key, without those of finer rows (hierarchical heavy hitters; Cormode, Korn, Muthukrishnan and Srivastava:
//! "Finding Hierarchical Heavy Hitters in Data Streams", 2003). So a flood with forged sources or random names is one row,
//! and rows have no packet in common.

use std::cmp::Reverse;

use super::level::Level;
use super::sketch::Sketch;
use super::tally::Tally;
use super::weights::{VERDICTS, Weights};
use crate::base::escape::Quoted;
use crate::base::suggest::suggestion;

/// Smallest share of a key beside coarser keys: one twentieth.
const LEAST: u64 = 20;

/// The subject of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Source addresses.
    Source,
    /// Source networks: /24 or /56.
    Network,
    /// Names of queries.
    Name,
    /// These names without their first label, so that random names of a zone add up.
    Suffix,
    /// Types of queries, and other protocols.
    Type,
    /// Verdicts.
    Verdict,
}

impl By {
    /// All subjects, in the order of the help.
    pub const ALL: [Self; 6] = [
        Self::Source,
        Self::Network,
        Self::Name,
        Self::Suffix,
        Self::Type,
        Self::Verdict,
    ];

    /// The word of the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Network => "network",
            Self::Name => "name",
            Self::Suffix => "suffix",
            Self::Type => "type",
            Self::Verdict => "verdict",
        }
    }

    /// Reads the word of the command line.
    ///
    /// # Errors
    /// When the word is unknown.
    pub fn parse(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|by| by.word() == word);
        let names = Self::ALL.map(Self::word);
        found.ok_or_else(|| format!("--by {}: {}", Quoted(word), suggestion(word, &names)))
    }

    /// The key of the keyboard.
    pub(super) const fn letter(self) -> u8 {
        match self {
            Self::Source => b's',
            Self::Network => b'n',
            Self::Name => b'd',
            Self::Suffix => b'x',
            Self::Type => b't',
            Self::Verdict => b'v',
        }
    }

    /// The levels of the table, the finest first.
    pub(super) const fn levels(self) -> &'static [Level] {
        match self {
            Self::Source => &[Level::Source],
            Self::Network => &[Level::Network],
            Self::Name => &[Level::Name],
            Self::Suffix => &[Level::Parent, Level::TwoLabels],
            Self::Type => &[Level::Type],
            Self::Verdict => &[Level::Verdict],
        }
    }
}

/// Levels of the table of all sources, and of all names.
pub(super) const SOURCES: &[Level] = &[Level::Source, Level::Network];
pub(super) const NAMES: &[Level] = &[Level::Name, Level::Parent, Level::TwoLabels];

/// A row. Its key is shown by its level.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) level: Level,
    pub(super) key: &'a [u8],
    pub(super) weights: Weights,
    /// Greatest difference from the true weight.
    pub(super) excess: u64,
}

/// The heaviest rows of a table.
pub(super) struct Table<'a> {
    /// The heaviest first.
    pub(super) rows: Vec<Row<'a>>,
    /// All other packets of the table.
    pub(super) other: Row<'a>,
}

impl<'a> Table<'a> {
    /// The table of these levels, with at most `count` rows. The finest level is the first.
    pub(super) fn new(tally: &'a Tally, levels: &[Level], count: usize) -> Self {
        let mut rows = Vec::new();
        let coarsest = levels
            .last()
            .and_then(|level| Some((*level, tally.sketch(*level)?)));
        for level in levels {
            match tally.sketch(*level) {
                Some(sketch) => add_level(&mut rows, tally, (*level, sketch), coarsest),
                None => add_verdicts(&mut rows, &tally.total.verdicts),
            }
        }
        // A selection needs less code than a sort, and few rows are shown.
        for at in 0..count.min(rows.len()) {
            let rest = rows.iter().enumerate().skip(at);
            if let Some((heaviest, _)) = rest.min_by_key(|(_, row)| Reverse(row.weights.sum())) {
                rows.swap(at, heaviest);
            }
        }
        rows.truncate(count);
        let mut other = Row {
            level: Level::Other,
            key: &[],
            weights: coarsest.map_or(tally.total.verdicts, |(_, sketch)| sketch.total),
            excess: 0,
        };
        for row in &rows {
            other.take(row);
        }
        Self { rows, other }
    }
}

impl Row<'_> {
    /// Takes the packets of another row out of this row.
    fn take(&mut self, row: &Row<'_>) {
        self.weights.subtract(&row.weights);
        self.excess = self.excess.saturating_add(row.excess);
    }
}

/// Adds the rows of a level, without the packets of the rows of finer levels.
fn add_level<'a>(
    rows: &mut Vec<Row<'a>>,
    tally: &Tally,
    (level, sketch): (Level, &'a Sketch),
    coarsest: Option<(Level, &Sketch)>,
) {
    let least = tally.total.verdicts.sum() / LEAST;
    let finer = rows.len();
    for entry in sketch.entries() {
        let mut row = Row {
            level,
            key: &entry.counts.key,
            weights: entry.counts.verdicts,
            excess: entry.counts.excess,
        };
        let row_key = row.key;
        let finer = rows.get(..finer).unwrap_or_default().iter();
        for finer in finer.filter(|finer| level.of(finer.key) == row_key) {
            row.take(finer);
        }
        let weight = row.weights.sum();
        let least_here = match coarsest {
            Some((coarsest, sketch)) if coarsest != level => {
                let coarser = sketch.get(coarsest.of(row.key));
                least.min(coarser.map_or(0, |coarser| coarser.counts.verdicts.sum() / 2))
            }
            _ => 0,
        };
        if weight >= least_here.max(1) {
            rows.push(row);
        }
    }
}

/// Adds the rows of the verdicts.
fn add_verdicts(rows: &mut Vec<Row<'_>>, weights: &Weights) {
    const KEYS: [[u8; 1]; VERDICTS as usize] = [[0], [1], [2], [3], [4]];
    for (verdict, key) in (0..).zip(&KEYS) {
        let mut only = Weights::default();
        only.add(verdict, weights.of(verdict));
        if only.sum() > 0 {
            rows.push(Row {
                level: Level::Verdict,
                key,
                weights: only,
                excess: 0,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::top::level::KeyText;
    use crate::commands::top::report::examples::tally;
    use crate::commands::top::weights::PACKET;

    /// Keys and packets of the rows, then the packets of the others.
    fn shown(tally: &Tally, levels: &[Level], count: usize) -> Vec<(String, u64)> {
        let table = Table::new(tally, levels, count);
        let rows = table.rows.iter().chain([&table.other]);
        let shown = rows.map(|row| {
            let key = KeyText(row.level, row.key).to_string();
            (key, row.weights.sum() / PACKET)
        });
        shown.collect()
    }

    fn expect(tally: &Tally, levels: &[Level], count: usize, expected: &[(&str, u64)]) {
        let shown = shown(tally, levels, count);
        let shown: Vec<_> = shown
            .iter()
            .map(|(key, sum)| (key.as_str(), *sum))
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn one_level_has_all_its_keys() {
        let tally = tally(&[
            (7, 1, "192.0.2.1", "a.example.org"),
            (2, 2, "192.0.2.2", "example.org"),
            (1, 2, "192.0.2.1", ""),
        ]);
        let sources = [("192.0.2.1", 8), ("192.0.2.2", 2), ("(other)", 0)];
        expect(&tally, By::Source.levels(), 9, &sources);
        let first = [("192.0.2.1", 8), ("(other)", 2)];
        expect(&tally, By::Source.levels(), 1, &first);
        let names = [("a.example.org", 7), ("example.org", 2), ("(other)", 0)];
        expect(&tally, By::Name.levels(), 9, &names);
        let verdicts = [("drop", 7), ("pass", 3), ("(other)", 0)];
        expect(&tally, By::Verdict.levels(), 9, &verdicts);
    }

    #[test]
    fn forged_sources_and_random_names_are_one_row() {
        let sources: Vec<String> = (0..200).map(|host| format!("198.51.100.{host}")).collect();
        let names: Vec<String> = (0..200)
            .map(|name| format!("x{name}.example.org"))
            .collect();
        let mut packets = Vec::new();
        for (source, name) in sources.iter().zip(&names) {
            packets.push((1, 1, source.as_str(), name.as_str()));
        }
        packets.push((300, 1, "198.51.100.7", "www.example.org"));
        packets.push((5, 2, "203.0.113.9", "a.b.www.example.com"));
        let tally = tally(&packets);
        let sources = [
            ("198.51.100.7", 301),
            ("198.51.100.0/24", 199),
            ("203.0.113.9", 5),
            ("(other)", 0),
        ];
        expect(&tally, SOURCES, 9, &sources);
        let names = [
            ("www.example.org", 300),
            ("*.example.org", 200),
            ("a.b.www.example.com", 5),
            ("(other)", 0),
        ];
        expect(&tally, NAMES, 9, &names);
        let suffixes = [
            ("*.example.org", 500),
            ("*.b.www.example.com", 5),
            ("(other)", 0),
        ];
        expect(&tally, By::Suffix.levels(), 9, &suffixes);
    }

    #[test]
    fn zone_of_random_names_is_one_suffix() {
        let names: Vec<String> = (0..100)
            .flat_map(|name| {
                [
                    format!("x{name}.zone.dyn.example.org"),
                    format!("x{name}.y{name}.example.net"),
                ]
            })
            .collect();
        let packets: Vec<_> = names
            .iter()
            .map(|name| (1, 1, "192.0.2.1", name.as_str()))
            .collect();
        let suffixes = [
            ("*.zone.dyn.example.org", 100),
            ("*.example.net", 100),
            ("(other)", 0),
        ];
        expect(&tally(&packets), By::Suffix.levels(), 9, &suffixes);
    }

    #[test]
    fn rows_have_no_packet_in_common() {
        let names: Vec<String> = (0..900)
            .map(|name| format!("x{}.n{}.example{}.org", name, name % 7, name % 5))
            .collect();
        let packets: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(number, name)| {
                let weight = 1 + (number as u64 * 7919) % 400;
                (weight, 1, "192.0.2.1", name.as_str())
            })
            .collect();
        let tally = tally(&packets);
        for levels in [NAMES, By::Suffix.levels(), By::Name.levels()] {
            let sum: u64 = shown(&tally, levels, 10).iter().map(|(_, sum)| sum).sum();
            let total: u64 = packets.iter().map(|packet| packet.0).sum();
            assert_eq!(sum, total, "{levels:?}");
        }
    }
}
