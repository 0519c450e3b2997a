//! The step that puts a frame around each program, to count its verdicts and to run the next stage of a chain.

use std::fmt::Display;

use super::{Plan, PlannedFilter};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::escape::{Escaped, Plain};
use crate::config::Mode;
use crate::corefile::Corefile;
use crate::object::frame::{Obstacle, Place};

impl Plan {
    /// Puts a frame around each program. `report` gets a warning for each program that the frame does not fit. Programs
    /// with `mode offload` get no frame: a network card cannot run the frame.
    pub fn add_frames(&mut self, report: &mut dyn FnMut(&dyn Display)) {
        for at in 0..self.filters.len() {
            let place = place(&self.filters, at);
            let Some(PlannedFilter { block, object, .. }) = self.filters.get_mut(at) else {
                continue;
            };
            if block.mode == Mode::Offload {
                continue;
            }
            if let Err(obstacle) = object.add_frame(place) {
                let (file, line) = (self.corefile.file(block.elf_at), block.elf_at.line());
                let file = Escaped(file);
                report(&format_args!(
                    "{file}:{line}: elf: verdicts are not counted: {obstacle}"
                ));
            }
        }
    }
}

/// Place of the filter with the number `at` on its interface.
fn place(filters: &[PlannedFilter], at: usize) -> Place {
    let (until, behind) = filters.split_at_checked(at + 1).unwrap_or((filters, &[]));
    let interface = until.last().map(|filter| &filter.block.interface);
    let is_followed = behind
        .iter()
        .any(|filter| Some(&filter.block.interface) == interface);
    if is_followed {
        Place::Chained
    } else {
        Place::Alone
    }
}

/// Errors of programs that cannot run in the chain of their interface.
pub(super) fn check_chains(filters: &[PlannedFilter], corefile: &Corefile) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for (at, filter) in filters.iter().enumerate() {
        let interface = &filter.block.interface;
        let place = place(filters, at);
        let head = filters
            .iter()
            .position(|filter| filter.block.interface == *interface);
        let is_in_chain = place == Place::Chained || head != Some(at);
        if let Some(head) = head.and_then(|head| filters.get(head))
            && is_in_chain
            && let Some(why) = unfit(filter, head, place)
        {
            let (elf, elf_at) = (filter.block.elf.to_string_lossy(), filter.block.elf_at);
            let (elf, interface) = (Escaped(&elf), Plain(interface));
            let message = format!("{elf}: cannot be a stage of {interface}: {why}");
            errors.push(corefile.diagnostic(elf_at, "elf", message, Blame::Object));
        }
    }
    errors
}

/// Reason why a program cannot run at its place in the chain that begins with `head`.
fn unfit(filter: &PlannedFilter, head: &PlannedFilter, place: Place) -> Option<String> {
    if filter.block.mode == Mode::Offload {
        return Some("a network card runs one program; `mode offload` needs one block".into());
    }
    if filter.object.frags != head.object.frags {
        return Some(
            "all stages or none must support packets of several buffers (section xdp.frags)".into(),
        );
    }
    if place == Place::Alone {
        return None;
    }
    if filter.object.calls_programs() {
        return Some(
            "it calls other programs (bpf_tail_call), so it can only be the last stage".into(),
        );
    }
    let obstacle: Obstacle = filter.object.clone().add_frame(place).err()?;
    Some(format!("{obstacle}; it can only be the last stage"))
}
