//! Joins the blocks of one interface: they are the stages of its chain, and share the options of the interface.

use std::time::Duration;

use super::diagnostics::Diagnostics;
use super::{Exit, Filter, Mode};
use crate::base::capacity::MAX_STAGES;
use crate::corefile::Token;

/// The options that hold for an interface: each may stand in one of its blocks.
struct Options {
    mode: (Mode, Option<Token>),
    exit: (Exit, Option<Token>),
    wait: (Duration, Option<Token>),
}

/// Gives each block the options of its interface. Reports an option that several blocks of an interface have, and a chain
/// with more stages than the daemon has room for.
pub(super) fn join(filters: &mut [Filter], faults: &mut Diagnostics<'_>) {
    for first in 0..filters.len() {
        let (earlier, rest) = filters.split_at_mut(first);
        let Some(name) = rest.first().map(|filter| filter.interface.clone()) else {
            continue;
        };
        if earlier.iter().any(|filter| filter.interface == name) {
            continue;
        }
        let mut chain: Vec<_> = rest
            .iter_mut()
            .filter(|filter| filter.interface == name)
            .collect();
        if let Some(filter) = chain.get(MAX_STAGES) {
            let message = format!(
                "more than {MAX_STAGES} `ebpf` blocks for interface {name}; build with a larger COREXDP_MAX_STAGES"
            );
            faults.add(filter.interface_at, "if", message);
        }
        let options = Options::of(&chain, &name, faults);
        for filter in &mut chain {
            filter.mode = options.mode.0;
            (filter.exit, filter.exit_at) = options.exit;
            filter.wait = options.wait.0;
        }
    }
}

impl Options {
    fn of(chain: &[&mut Filter], name: &str, faults: &mut Diagnostics<'_>) -> Self {
        let modes = chain.iter().map(|filter| (filter.mode, filter.mode_at));
        let exits = chain.iter().map(|filter| (filter.exit, filter.exit_at));
        let waits = chain.iter().map(|filter| (filter.wait, filter.wait_at));
        Self {
            mode: only("mode", modes, name, faults),
            exit: only("exit", exits, name, faults),
            wait: only("wait", waits, name, faults),
        }
    }
}

/// The value of the block that has the option. Reports each further block that has it.
fn only<T: Default>(
    option: &str,
    blocks: impl Iterator<Item = (T, Option<Token>)>,
    name: &str,
    faults: &mut Diagnostics<'_>,
) -> (T, Option<Token>) {
    let mut given = blocks.filter_map(|(value, at)| Some((value, at?)));
    let Some((value, at)) = given.next() else {
        return (T::default(), None);
    };
    for (_, again) in given {
        let message = format!("given twice for interface {name}; keep one for all its blocks");
        faults.add(again, option, message);
    }
    (value, Some(at))
}
