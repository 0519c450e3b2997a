//! The table of injected faults.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::pool::Tried;
use crate::stage::{Outcome, Phase, Stage};

/// The counts for a call of a process.
#[derive(Default)]
struct Row {
    /// The number of injections in each phase.
    injected: BTreeMap<Phase, u32>,
    served: u32,
    refused: u32,
    ended: u32,
    missed: u32,
    wrong: u32,
    leaks: u32,
}

const PHASES: [Phase; 4] = [Phase::Start, Phase::Reload, Phase::Scrape, Phase::Stop];

/// The table: a line for each call of each process, and the totals.
pub(crate) fn table(stages: &[Box<dyn Stage>], tried: &[Tried]) -> String {
    let mut rows = BTreeMap::<(&str, String), Row>::new();
    let mut all = Row::default();
    for one in tried {
        let stage = &stages[one.stage];
        let row = rows
            .entry((stage.process(), one.case.call.row()))
            .or_default();
        for row in [row, &mut all] {
            row.add(stage.phase(), &one.result);
        }
    }
    let mut text = format!(
        "{:<8} {:<24} {:>6} {:>6} {:>6} {:>6} {:>7} {:>7} {:>6} {:>6} {:>6} {:>6}\n",
        "process",
        "call",
        "start",
        "reload",
        "scrape",
        "stop",
        "served",
        "refused",
        "ended",
        "missed",
        "wrong",
        "leaks"
    );
    for ((process, call), row) in &rows {
        row.print(&mut text, process, call);
    }
    all.print(&mut text, "all", "");
    text
}

impl Row {
    fn add(&mut self, phase: Phase, result: &Result<Outcome, String>) {
        *self.injected.entry(phase).or_default() += 1;
        match result {
            Ok(Outcome::Served) => self.served += 1,
            Ok(Outcome::Refused) => self.refused += 1,
            Ok(Outcome::Ended) => self.ended += 1,
            Ok(Outcome::Missed) => self.missed += 1,
            Err(why) => {
                self.wrong += 1;
                self.leaks += u32::from(why.contains("LEAK"));
            }
        }
    }

    fn print(&self, text: &mut String, process: &str, call: &str) {
        let [start, reload, scrape, stop] =
            PHASES.map(|phase| self.injected.get(&phase).copied().unwrap_or(0));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{process:<8} {call:<24} {start:>6} {reload:>6} {scrape:>6} {stop:>6} {:>7} {:>7} {:>6} {:>6} {:>6} {:>6}",
            self.served, self.refused, self.ended, self.missed, self.wrong, self.leaks
        );
    }
}
