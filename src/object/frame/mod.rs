//! The *frame*: instructions that the linker puts around a program to count its packets and bytes by verdict, and in a
//! chain to run the next program.
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
use listing::{COUNT, LEAVE, NEXT_LOAD, PASS_ON, PROLOGUE, TOTALS_LOAD};

/// Name of the map with the counters. The dot prevents a clash with a map of the program: C names have no dot.
pub const TOTALS: &str = "frame.totals";
/// Number of counters: one for each verdict of `enum xdp_action`, and one for all greater numbers, which the kernel
/// treats as `XDP_ABORTED`.
pub const VERDICTS: usize = 6;
/// Bytes of one verdict's counters: packets, then bytes, each a `u64` in host order.
pub const TOTAL_SIZE: usize = 16;

/// Name of the map with the next program of the chain.
pub const NEXT: &str = "frame.next";

/// Place of a program on its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// No other program follows.
    Alone,
    /// The program is a stage of a chain: after `XDP_PASS`, the frame runs the program in the map [`NEXT`].
    Chained,
}

/// Greatest number of slots that a jump can skip.
const REACH: usize = i16::MAX.unsigned_abs() as usize;

/// A frame around a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Frame {
    /// Offset from register 10 at which the frame saves the context of the packet.
    saved: i16,
    /// Index of the frame's first map in the object's maps.
    first_map: usize,
    place: Place,
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
    /// Puts the frame around the program, unless it has one, and adds the frame's maps: [`TOTALS`], and [`NEXT`] in a
    /// chain.
    ///
    /// # Errors
    /// When the frame does not fit; the program is then unchanged.
    pub fn add_frame(&mut self, place: Place) -> Result<(), Obstacle> {
        if self.frame.is_some() {
            return Ok(());
        }
        let entry = self.insns.get(..self.entry_slots).unwrap_or_default();
        if entry.len() > REACH {
            return Err(Obstacle::Distance);
        }
        self.frame = Some(Frame {
            saved: stack::free_slot(entry).ok_or(Obstacle::Stack)?,
            first_map: self.maps.len(),
            place,
        });
        self.maps.push(totals());
        if place == Place::Chained {
            self.maps.push(next());
        }
        Ok(())
    }

    /// The program without its frame and the frame's maps; `None` if the program has no frame.
    pub fn without_frame(&self) -> Option<Self> {
        let frame = self.frame?;
        let mut bare = self.clone();
        bare.frame = None;
        bare.maps.truncate(frame.first_map);
        Some(bare)
    }

    /// Number of slots that the frame adds to the program; 0 without a frame.
    pub fn frame_slots(&self) -> usize {
        self.frame.map_or(0, |frame| PROLOGUE + frame.after())
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

/// Definition of the map with the next program.
fn next() -> MapDef {
    MapDef {
        kind: MapKind::PROG_ARRAY,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        ..MapDef::new(NEXT)
    }
}

/// Instructions of a program, and their map references, sorted by slot.
pub(super) struct Code {
    pub(super) insns: Vec<Insn>,
    pub(super) map_references: Vec<MapReference>,
}

impl Frame {
    /// Slots of the part `pass_on`.
    const fn pass_on(self) -> usize {
        match self.place {
            Place::Alone => 0,
            Place::Chained => PASS_ON,
        }
    }

    /// Slots after the entry function.
    const fn after(self) -> usize {
        COUNT + self.pass_on() + LEAVE
    }

    /// The instructions after the entry function. Their map references count from the first of these instructions.
    fn epilogue(self) -> Code {
        let mut insns = Vec::with_capacity(self.after());
        let mut map_references = vec![MapReference {
            slot: TOTALS_LOAD,
            map: self.first_map,
        }];
        let between = i16::try_from(self.pass_on()).unwrap_or_default();
        insns.extend(listing::count(self.saved, between));
        if self.place == Place::Chained {
            map_references.push(MapReference {
                slot: insns.len() + NEXT_LOAD,
                map: self.first_map + 1,
            });
            insns.extend(listing::pass_on());
        }
        insns.extend(listing::leave());
        Code {
            insns,
            map_references,
        }
    }

    /// The program of `object` in this frame.
    pub(super) fn around(self, object: &LinkedObject) -> Code {
        let (entry, functions) = object
            .insns
            .split_at_checked(object.entry_slots)
            .unwrap_or((&object.insns, &[]));
        let epilogue = self.epilogue();
        let slots = PROLOGUE + epilogue.insns.len();
        let mut insns = Vec::with_capacity(object.insns.len() + slots);
        insns.extend(listing::prologue(self.saved));
        insns.extend(redirected(entry, epilogue.insns.len()));
        insns.extend(epilogue.insns);
        insns.extend(functions);
        let references = &object.map_references;
        let inside = references.partition_point(|reference| reference.slot < object.entry_slots);
        let (inside, outside) = references.split_at_checked(inside).unwrap_or_default();
        let mut map_references = Vec::with_capacity(references.len() + 2);
        map_references.extend(moved(inside, PROLOGUE));
        map_references.extend(moved(&epilogue.map_references, PROLOGUE + entry.len()));
        map_references.extend(moved(outside, slots));
        Code {
            insns,
            map_references,
        }
    }
}

/// The references, moved by a number of slots.
fn moved(references: &[MapReference], slots: usize) -> impl Iterator<Item = MapReference> {
    references.iter().map(move |reference| MapReference {
        slot: reference.slot + slots,
        ..*reference
    })
}

/// The entry function, with exits replaced by jumps to the epilogue, and with calls that skip the `epilogue` slots.
fn redirected(entry: &[Insn], epilogue: usize) -> impl Iterator<Item = Insn> {
    let mut after_wide = false;
    entry.iter().enumerate().map(move |(slot, &insn)| {
        let is_upper_half = after_wide;
        after_wide = insn.is_wide() && !is_upper_half;
        let left = entry.len() - slot - 1;
        match insn.opcode() {
            _ if is_upper_half => insn,
            EXIT => listing::jump(i16::try_from(left).unwrap_or_default()),
            CALL if insn.src() == pseudo::CALL => {
                let shift = i32::try_from(epilogue).unwrap_or_default();
                insn.with_imm(insn.imm().saturating_add(shift))
            }
            _ => insn,
        }
    })
}
