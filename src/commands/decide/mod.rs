//! `corexdp add` and `corexdp delete`: decisions, alone or many in one batch.
//!
//! The client encodes the words by the types of the running maps, and sends bytes. A file keeps the decisions over a restart
//! of the daemon. The client writes the file, since the daemon writes nothing.

mod explain;
mod input;
mod overridden;
mod send;
mod state;
mod targets;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::escape::{Escaped, OneLine};
use crate::base::exit;
use crate::base::utc::Utc;
use crate::commands::open_map::{OpenMap, open_maps};
use crate::commands::running_map;
use crate::commands::test::origin::Origins;
use crate::config::InterfaceName;
use crate::config::decision::Saved;
use crate::control::Request;
use crate::control::changes::Outcome;
use crate::control::client::Error;
use crate::encode::SECRET;
use crate::filter::Refused;
use explain::refusal;
use input::Line;
use send::{send, settle};
use state::State;
use targets::Targets;

/// Exit code of `delete` for a key without a decision.
pub const NOTHING: u8 = 1;
/// Number of attempts while reloads replace the maps.
const ATTEMPTS: u8 = 16;
/// Number of refusals and of warnings that name an entry. To find its line takes as long as reading its list.
const NAMED: usize = 5;

/// Options of `add` and `delete`.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Path of the control socket.
    pub control: PathBuf,
    /// Folder of the file that keeps decisions.
    pub state: PathBuf,
    /// The only interface; `None` for all interfaces that have the map.
    pub interface: Option<InterfaceName>,
    /// The decisions.
    pub input: Input,
}

/// Decisions to add or delete.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// Words of `add`.
    Add(Vec<String>),
    /// Words of `delete`.
    Delete(Vec<String>),
    /// Lines of standard input.
    Batch,
}

/// The result of the command.
#[derive(Debug, Default)]
pub struct Done {
    /// Lines for standard output.
    pub lines: String,
    /// Lines for standard error.
    pub errors: String,
    /// Exit code.
    pub code: u8,
    /// Numbers of the lines that deleted a decision, sorted.
    deleted: Vec<u32>,
}

/// A change of one map.
struct Item {
    /// Number of the line of standard input; 0 for words of the command line.
    line: u32,
    /// Number of the map.
    target: usize,
    key: Vec<u8>,
    /// `None` deletes the decision.
    value: Option<Vec<u8>>,
    time: Option<Duration>,
    /// The line of the file.
    saved: Saved,
    outcome: Option<Outcome>,
}

/// An error of a line.
#[derive(PartialEq, Eq)]
struct Fault {
    line: u32,
    code: u8,
    message: String,
}

/// Adds or deletes decisions.
pub fn run(options: &Options) -> Done {
    let mut done = Done::default();
    let (mut lines, mut faults) = input::read(&options.input);
    for left in (0..ATTEMPTS).rev() {
        if lines.is_empty() {
            break;
        }
        if let Err(error) = decide(options, &mut lines, left, &mut faults, &mut done) {
            if !error.is_reported() {
                let _ = writeln!(done.errors, "corexdp: {}", OneLine(&error));
            }
            done.code = error.code();
            return done;
        }
    }
    faults.sort_by_key(|fault| fault.line);
    // Several stages or interfaces may have the same fault.
    faults.dedup();
    for fault in &faults {
        done.report(options, fault);
    }
    done
}

impl Done {
    /// Reports a fault. The exit code is that of the first.
    fn report(&mut self, options: &Options, fault: &Fault) {
        if self.code == exit::DONE {
            self.code = fault.code;
        }
        self.write(options, fault.line, &fault.message);
    }

    /// Writes a message about a line of standard input; 0 is the command line.
    fn write(&mut self, options: &Options, line: u32, message: &str) {
        let verb = match options.input {
            Input::Delete(_) => "delete",
            Input::Add(_) | Input::Batch => "add",
        };
        let message = Escaped(message);
        let _ = match line {
            0 => writeln!(self.errors, "corexdp: {verb}: {message}"),
            // A line adds or deletes; it says so itself.
            line => writeln!(self.errors, "-:{line}: {message}"),
        };
    }

    fn warn(&mut self, message: &str) {
        let _ = writeln!(self.errors, "corexdp: {}", OneLine(&message));
    }
}

/// Makes the changes of `lines`. Unless no attempts are `left`, lines about a map that a reload has replaced are left over.
fn decide(
    options: &Options,
    lines: &mut Vec<Line>,
    left: u8,
    faults: &mut Vec<Fault>,
    done: &mut Done,
) -> Result<(), Error> {
    // Locked before the maps are fetched: a reload may replace them while this client waits for another.
    let mut state = State::open(&options.state);
    let maps = running_map::fetch(&options.control, &Request::Maps)?;
    let mut opened = Vec::with_capacity(maps.len());
    for maps in maps.chunk_by(|one, next| one.place == next.place) {
        // A map that a reload has replaced meanwhile is left out.
        opened.append(&mut open_maps(maps, &mut true, &mut |_| {}));
    }
    let interface = options.interface.as_deref();
    let mut targets = Targets::new(&opened, interface);
    let mut items = Vec::with_capacity(lines.len());
    let now = Utc::now().0;
    for line in lines.iter() {
        match encode(line, &mut targets, now) {
            Ok(mut more) => items.append(&mut more),
            Err((code, message)) => faults.push(Fault {
                line: line.number,
                code,
                message,
            }),
        }
    }
    if items.is_empty() {
        lines.clear();
        return Ok(());
    }
    // Changes of one map follow each other, in the order of their lines.
    items.sort_by_key(|item| item.target);
    state.announce(&items);
    let sent = send(options, &targets, &mut items);
    settle(options, state, &items, done);
    sent?;
    leave(lines, &mut items, left);
    answer(options, &opened, &mut items, faults, done);
    Ok(())
}

/// Reports the outcomes of the changes.
fn answer(
    options: &Options,
    opened: &[OpenMap<'_>],
    items: &mut Vec<Item>,
    faults: &mut Vec<Fault>,
    done: &mut Done,
) {
    let deletions = items.iter().filter(|item| item.value.is_none());
    let deletions = deletions.filter(|item| item.outcome == Some(Outcome::Done));
    done.deleted.extend(deletions.map(|item| item.line));
    done.deleted.sort_unstable();
    // Another stage or interface had the decision.
    let is_elsewhere = |item: &Item| {
        item.outcome == Some(Outcome::Refused(Refused::Unknown))
            && done.deleted.binary_search(&item.line).is_ok()
    };
    items.retain(|item| !is_elsewhere(item));
    let origins = Origins::new(&options.control);
    let mut refused = 0..NAMED;
    for item in items.iter_mut() {
        let is_refused = matches!(item.outcome, Some(Outcome::Refused(_)));
        let origins = (!is_refused || refused.next().is_some()).then_some(&origins);
        match refusal(item, opened, origins) {
            Some((code, message)) => faults.push(Fault {
                line: item.line,
                code,
                message,
            }),
            None if item.line == 0 && item.value.is_some() => {
                let map = opened.get(item.target);
                if map.is_some_and(|map| map.encoder().has_secrets()) {
                    item.saved.value = vec![SECRET.into()];
                }
                let _ = writeln!(done.lines, "{}", item.saved);
            }
            None => {}
        }
    }
    overridden::warn(options, opened, items, &origins, done);
}

/// Leaves over the lines, and removes the items, about a map that a reload has replaced.
fn leave(lines: &mut Vec<Line>, items: &mut Vec<Item>, left: u8) {
    let is_gone = |item: &Item| left > 0 && item.outcome == Some(Outcome::Gone);
    let gone = items.iter().filter(|item| is_gone(item));
    let mut gone: Vec<_> = gone.map(|item| item.line).collect();
    gone.sort_unstable();
    lines.retain(|line| gone.binary_search(&line.number).is_ok());
    items.retain(|item| !is_gone(item));
    for item in items {
        let line = lines.binary_search_by_key(&item.line, |line| line.number);
        if let Some(line) = line.ok().and_then(|at| lines.get_mut(at)) {
            line.answered.push(item.saved.clone());
        }
    }
}

/// The changes that a line makes. The message is about the whole line.
fn encode(line: &Line, targets: &mut Targets<'_>, now: u64) -> Result<Vec<Item>, (u8, String)> {
    let order = &line.order;
    let until = order.time.map(|time| {
        // The file has whole seconds. Rounded up, so that no restart ends a decision early.
        now.saturating_add(time.as_secs())
            .saturating_add(u64::from(time.subsec_nanos() > 0))
    });
    let mut items = Vec::new();
    for (target, entry) in targets.choose(order, until)? {
        let is_answered = |answered: &Saved| answered.is_about(&entry.saved);
        if line.answered.iter().any(is_answered) {
            continue;
        }
        items.push(Item {
            line: line.number,
            target,
            key: entry.key,
            value: entry.value,
            time: order.time,
            saved: entry.saved,
            outcome: None,
        });
    }
    Ok(items)
}
