//! The *frame*: instructions that the linker puts around a program to count its packets and bytes by verdict.
//!
//! Each exit of the entry function becomes a jump to the frame's epilogue, which ends the function. The frame needs 8 free
//! bytes of the entry function's stack, and neither a compiler nor BTF, so the frame fits foreign programs. [`listing`]
//! has the instructions.
//!
//! Functions that the entry function calls keep their exits, which return to the caller.

mod listing;
pub mod sample;
mod stack;
#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
mod tests;

use std::fmt;

use super::insn::{CALL, EXIT, pseudo};
use super::link::MapReference;
use super::{Insn, LinkedObject, MapDef, MapKind};
use listing::{EPILOGUE, PROLOGUE, TOTALS_LOAD};

/// Name of the map with the counters. The dot prevents a clash with a map of the program: C names have no dot.
pub const TOTALS: &str = "frame.totals";
/// Name of the map whose only slot has the next program of a chain.
pub const NEXT: &str = "frame.next";
/// Number of counters: one for each verdict of `enum xdp_action`, and one for all greater numbers, which the kernel
/// treats as `XDP_ABORTED`.
pub const VERDICTS: usize = 6;
/// Bytes of one verdict's counters: packets, then bytes, each a `u64` in host order.
pub const TOTAL_SIZE: usize = 16;

/// Slots that the frame adds to a program.
pub const SLOTS: usize = PROLOGUE + EPILOGUE;

/// Greatest number of slots that a jump can skip.
const REACH: usize = i16::MAX.unsigned_abs() as usize;

/// A frame around a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Frame {
    /// Offset from register 10 at which the frame saves the context of the packet.
    saved: i16,
    /// Index of the counters in the object's maps.
    totals: usize,
}

/// Reasons why a program gets no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The entry function uses all 512 bytes of the stack.
    Stack,
    /// The distance from an exit to the epilogue exceeds the 16 bits of a jump.
    Distance,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stack => "the entry function leaves no 8 bytes of its stack free",
            Self::Distance => "the entry function has more than 32767 instructions",
        })
    }
}

impl LinkedObject {
    /// Puts the frame around the program, unless it has one, and adds the map [`TOTALS`].
    ///
    /// # Errors
    /// When the frame does not fit; the program is then unchanged.
    pub fn add_frame(&mut self) -> Result<(), Obstacle> {
        if self.frame.is_some() {
            return Ok(());
        }
        let entry = self.insns.get(..self.entry_slots).unwrap_or_default();
        if entry.len() > REACH {
            return Err(Obstacle::Distance);
        }
        self.frame = Some(Frame {
            saved: stack::free_slot(entry).ok_or(Obstacle::Stack)?,
            totals: self.maps.len(),
        });
        self.maps.push(totals());
        Ok(())
    }

    /// The program without its frame and without [`TOTALS`]; `None` if the program has no frame.
    pub fn without_frame(&self) -> Option<Self> {
        let frame = self.frame?;
        let mut bare = self.clone();
        bare.frame = None;
        bare.maps.truncate(frame.totals);
        Some(bare)
    }
}

/// Definition of the counters.
fn totals() -> MapDef {
    MapDef {
        kind: MapKind::PERCPU_ARRAY,
        key_size: 4,
        value_size: u32::try_from(VERDICTS * TOTAL_SIZE).unwrap_or_default(),
        max_entries: 1,
        ..MapDef::new(TOTALS)
    }
}

/// Instructions of a program, and their map references, sorted by slot.
pub(super) struct Code {
    pub(super) insns: Vec<Insn>,
    pub(super) map_references: Vec<MapReference>,
}

impl Frame {
    /// The program of `object` in this frame.
    pub(super) fn around(self, object: &LinkedObject) -> Code {
        let (entry, functions) = object
            .insns
            .split_at_checked(object.entry_slots)
            .unwrap_or((&object.insns, &[]));
        let mut insns = Vec::with_capacity(object.insns.len() + SLOTS);
        insns.extend(listing::prologue(self.saved));
        insns.extend(redirected(entry));
        insns.extend(listing::epilogue(self.saved));
        insns.extend(functions);
        Code {
            insns,
            map_references: self.references(object),
        }
    }

    /// The map references of `object`, moved to their slots in the frame, and the map reference of the frame.
    fn references(self, object: &LinkedObject) -> Vec<MapReference> {
        let references = &object.map_references;
        let inside = references.partition_point(|reference| reference.slot < object.entry_slots);
        let mut moved = Vec::with_capacity(references.len() + 1);
        for (number, reference) in references.iter().enumerate() {
            let shift = if number < inside { PROLOGUE } else { SLOTS };
            moved.push(MapReference {
                slot: reference.slot + shift,
                ..*reference
            });
        }
        let own = MapReference {
            slot: PROLOGUE + object.entry_slots + TOTALS_LOAD,
            map: self.totals,
        };
        moved.insert(inside, own);
        moved
    }
}

/// The entry function, with exits replaced by jumps to the epilogue, and with calls that skip the epilogue.
fn redirected(entry: &[Insn]) -> impl Iterator<Item = Insn> {
    let mut after_wide = false;
    entry.iter().enumerate().map(move |(slot, &insn)| {
        let is_upper_half = after_wide;
        after_wide = insn.is_wide() && !is_upper_half;
        let left = entry.len() - slot - 1;
        match insn.opcode() {
            _ if is_upper_half => insn,
            EXIT => listing::jump(i16::try_from(left).unwrap_or_default()),
            CALL if insn.src() == pseudo::CALL => {
                let shift = i32::try_from(EPILOGUE).unwrap_or_default();
                insn.with_imm(insn.imm().saturating_add(shift))
            }
            _ => insn,
        }
    })
}
