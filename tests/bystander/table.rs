//! The table of results.

use std::fmt::{self, Display};

/// The result of one traffic behind one filter.
pub struct Row {
    pub interface: &'static str,
    pub filter: String,
    pub traffic: &'static str,
    pub sent: u64,
    /// Packets lost end to end.
    pub lost: u64,
    /// Packets that the filter dropped or answered, or would drop without `monitor`.
    pub dropped: u64,
    /// Throughput of a filter relative to the baseline, or of the baseline relative to no XDP.
    pub ratio: Option<f64>,
}

/// The rows, in the order of the run.
pub struct Table(pub Vec<Row>);

impl Display for Table {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            to,
            "{:<6}{:<20}{:<34}{:>10}{:>6}{:>8}{:>6}",
            "at", "filter", "traffic", "sent", "lost", "dropped", "ratio"
        )?;
        for row in &self.0 {
            let ratio = row
                .ratio
                .map_or(String::new(), |ratio| format!("{ratio:.2}"));
            let Row {
                interface,
                filter,
                traffic,
                sent,
                lost,
                dropped,
                ..
            } = row;
            writeln!(
                to,
                "{interface:<6}{filter:<20}{traffic:<34}{sent:>10}{lost:>6}{dropped:>8}{ratio:>6}"
            )?;
        }
        Ok(())
    }
}
