//! The table of results.

use super::sample::Sample;

/// The unit of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Seconds,
    /// Seconds, shown in nanoseconds.
    Nanoseconds,
    Bytes,
    Times,
    Instructions,
    PerSecond,
    /// A fraction; 1.0 is 100 %.
    Percent,
}

/// A median, and its spread if it was measured more than once.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) middle: f64,
    pub(crate) spread: Option<(f64, f64)>,
}

impl Figure {
    pub(crate) fn once(middle: f64) -> Self {
        let spread = None;
        Self { middle, spread }
    }
}

impl From<&Sample> for Figure {
    fn from(sample: &Sample) -> Self {
        Self {
            middle: sample.median(),
            spread: Some(sample.quartiles()),
        }
    }
}

/// The aim for a figure: a ratio to a peer in the same run, or a bound.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    /// No aim: the row is information only.
    None,
    /// At most this many times the peer's figure.
    Within(f64),
    /// Less than the peer's figure.
    Less,
    /// At most the peer's figure divided by this number.
    Fraction(u32),
    /// At most this figure, whatever the peer's.
    Most(f64),
    /// At most the peer's figure and this one together.
    Above(f64),
}

/// One comparison.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: Unit,
    pub(crate) ours: Figure,
    /// Name of the peer; empty without a peer.
    pub(crate) peer: &'static str,
    pub(crate) theirs: Figure,
    pub(crate) aim: Aim,
}

impl Row {
    /// A row without a peer and without an aim.
    pub(crate) fn alone(what: String, unit: Unit, ours: Figure) -> Self {
        Self {
            what,
            unit,
            ours,
            peer: "",
            theirs: Figure::once(0.0),
            aim: Aim::None,
        }
    }

    fn met(&self) -> Option<bool> {
        let (ours, theirs) = (self.ours.middle, self.theirs.middle);
        Some(match self.aim {
            Aim::None => return None,
            Aim::Within(times) => ours <= theirs * times,
            Aim::Less => ours < theirs,
            Aim::Fraction(parts) => ours * f64::from(parts) <= theirs,
            Aim::Most(most) => ours <= most,
            Aim::Above(most) => ours <= theirs + most,
        })
    }

    fn cells(&self) -> [String; 9] {
        let spread = |figure: &Figure| {
            let between =
                |(low, high)| format!("{} – {}", self.unit.show(low), self.unit.show(high));
            figure.spread.map_or_else(String::new, between)
        };
        let met = match self.met() {
            None => "",
            Some(true) => "yes",
            Some(false) => "NO",
        };
        let peer = [
            self.unit.show(self.theirs.middle),
            spread(&self.theirs),
            ratio(self.ours.middle, self.theirs.middle),
        ];
        let alone = self.peer.is_empty();
        let [theirs, their_spread, ratio] = if alone { Default::default() } else { peer };
        [
            self.what.clone(),
            self.unit.show(self.ours.middle),
            spread(&self.ours),
            self.peer.into(),
            theirs,
            their_spread,
            ratio,
            self.aim.show(self.unit),
            met.into(),
        ]
    }
}

impl Unit {
    fn show(self, number: f64) -> String {
        let size = number.abs();
        match self {
            Self::Seconds if size >= 1.0 => format!("{number:.2} s"),
            Self::Seconds if size >= 0.1 => format!("{:.0} ms", number * 1e3),
            Self::Seconds if size >= 0.001 => format!("{:.1} ms", number * 1e3),
            Self::Seconds => format!("{:.0} µs", number * 1e6),
            Self::Nanoseconds => format!("{:.0} ns", number * 1e9),
            Self::Bytes if size < f64::from(1 << 17) => format!("{:.1} KiB", number / 1024.0),
            Self::Bytes => format!("{:.2} MiB", number / f64::from(1 << 20)),
            Self::Times => format!("{number:.0}"),
            Self::Instructions => format!("{number:.0} instr."),
            Self::PerSecond => format!("{number:.0}/s"),
            Self::Percent => format!("{:.1} %", number * 100.0),
        }
    }
}

impl Aim {
    fn show(self, unit: Unit) -> String {
        match self {
            Self::None => String::new(),
            Self::Within(times) => format!("≤ {times}"),
            Self::Less => "< 1".into(),
            Self::Fraction(parts) => format!("≤ 1/{parts}"),
            Self::Most(most) => format!("≤ {}", unit.show(most)),
            Self::Above(most) => format!("≤ + {}", unit.show(most)),
        }
    }
}

/// `ours / theirs` as text: 0.97, or 1/34.0.
fn ratio(ours: f64, theirs: f64) -> String {
    if theirs == 0.0 {
        String::new()
    } else if ours * 2.0 > theirs {
        format!("{:.2}", ours / theirs)
    } else if ours > 0.0 {
        format!("1/{:.1}", theirs / ours)
    } else {
        "0".into()
    }
}

/// Prints the aligned rows and the number of aims met.
pub(crate) fn print(rows: &[Row]) {
    let head = [
        "what", "corexdp", "spread", "peer", "", "spread", "ratio", "aim", "met",
    ];
    let mut lines = vec![head.map(String::from)];
    lines.extend(rows.iter().map(Row::cells));
    let width = |column: usize| {
        lines
            .iter()
            .map(|cells| cells[column].chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..head.len()).filter_map(width).collect();
    for cells in &lines {
        let mut line = String::new();
        for (column, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
            // Text is aligned left, numbers right.
            let padded = match column {
                0 | 3 | 8 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            };
            line += &padded;
            line += "  ";
        }
        println!("{}", line.trim_end());
    }
    let verdicts: Vec<bool> = rows.iter().filter_map(Row::met).collect();
    let met = verdicts.iter().filter(|&&met| met).count();
    println!("\n{met} of {} aims met", verdicts.len());
}
