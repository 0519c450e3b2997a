//! Sends changes to the daemon, and writes their outcomes to the file.

use super::state::{Fate, State};
use super::targets::Targets;
use super::{Done, Item, Options};
use crate::base::exit;
use crate::base::ktime::nanoseconds;
use crate::control::changes::{Change, ChangesBuffer, Outcome};
use crate::control::client::{self, Error};
use crate::filter::Refused;

/// Sends the changes to the daemon, in as few packets as possible, and stores their outcomes.
pub(super) fn send(
    options: &Options,
    targets: &Targets<'_>,
    items: &mut [Item],
) -> Result<(), Error> {
    let mut buffer = ChangesBuffer::default();
    let mut first = 0;
    for next in 0..=items.len() {
        let change = items.get(next).map(|item| Change {
            map: targets.id(item.target),
            key: &item.key,
            value: item.value.as_deref(),
            time: item.time.map(nanoseconds),
        });
        if change.is_some_and(|change| buffer.push(&change)) {
            continue;
        }
        let mut sent = items.iter_mut().skip(first);
        client::decide(&options.control, buffer.changes(), &mut |outcome| {
            if let Some(item) = sent.next() {
                item.outcome = Some(outcome);
            }
        })?;
        buffer.clear();
        first = next;
        if let Some(item) = items.get(next) {
            buffer.push(&Change {
                map: targets.id(item.target),
                key: &item.key,
                value: item.value.as_deref(),
                time: item.time.map(nanoseconds),
            });
        }
    }
    Ok(())
}

/// Writes the outcomes of the changes to the file. Without the file, a new decision is made, but a deletion has failed.
pub(super) fn settle(options: &Options, state: State, items: &[Item], done: &mut Done) {
    let fate = |item: &Item| match (item.outcome, &item.value) {
        (None, _) => Fate::Unknown,
        (Some(Outcome::Done), Some(_)) => Fate::Added,
        (Some(Outcome::Done | Outcome::Refused(Refused::Unknown | Refused::Given)), None) => {
            Fate::Deleted
        }
        (Some(_), _) => Fate::Refused,
    };
    if let Err(error) = state.settle(items, &fate) {
        let folder = options.state.display();
        let lost = if items.iter().all(|item| item.value.is_some()) {
            "loses them"
        } else {
            done.code = exit::SYSTEM;
            "loses new decisions and restores deleted ones"
        };
        done.warn(&format!(
            "cannot keep decisions in {folder}: {error}; a restart of the daemon {lost}"
        ));
    }
}
