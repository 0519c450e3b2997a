//! The *frame*: instructions that the linker puts around a program to count its packets and bytes by verdict, to run the
//! next program of a chain, and to copy packets to clients that ask for samples.
//!
//! Each exit of the entry function becomes a jump to the frame's epilogue, which ends the function. The frame needs 8 free
//! bytes of the entry function's stack, and neither a compiler nor BTF, so the frame fits foreign programs. [`listing`]
//! has the instructions.
//!
//! Functions that the entry function calls keep their exits, which return to the caller.

mod assembly;
mod listing;
#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::cast_possible_wrap,
    reason = "a panic is how a test fails"
)]
mod listing_tests;
mod maps;
pub mod sample;
mod sampler;
mod settings;
mod stack;
mod state;
#[cfg(test)]
#[allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use super::insn::class;
use super::insn::{CALL, EXIT, pseudo};
use super::link::MapReference;
use super::{Insn, LinkedObject};
use assembly::TO_EXIT;
use listing::{COUNT, LEAVE, NEXT_LOAD, PASS_ON, PROLOGUE, TOTALS_LOAD};
pub use maps::{
    NEXT, RINGS, SETTINGS, TOTAL_SIZE, TOTALS, VERDICTS, is_frame_map, lost_samples, ring,
};
use sampler::{RINGS_LOAD, SETTINGS_LOADS};
pub use settings::{SETTINGS_SIZE, Settings};

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
    /// True if the frame has the part that copies packets.
    samples: bool,
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
    /// Puts the frame around the program, unless it has one, and adds the frame's maps: [`TOTALS`], in a chain [`NEXT`],
    /// then [`RINGS`] and [`SETTINGS`].
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
            samples: true,
        });
        self.maps.push(maps::totals());
        if place == Place::Chained {
            self.maps.push(maps::next());
        }
        self.maps.push(maps::rings());
        self.maps.push(maps::settings());
        Ok(())
    }

    /// The program with a simpler frame, for a kernel that refuses the present one: first without samples and their maps,
    /// then without the frame. `None` if the program has no frame.
    pub fn simpler(&self) -> Option<Self> {
        let frame = self.frame?;
        if !frame.samples {
            return self.without_frame();
        }
        let mut simpler = self.clone();
        simpler.frame = Some(Frame {
            samples: false,
            ..frame
        });
        let others = simpler.maps.len().saturating_sub(2);
        simpler.maps.truncate(others);
        Some(simpler)
    }

    /// The program in the frame whose maps are the first `count` of [`LinkedObject::maps`].
    pub fn with_maps(&self, count: usize) -> Cow<'_, Self> {
        let mut object = Cow::Borrowed(self);
        while object.maps.len() > count
            && let Some(simpler) = object.simpler()
        {
            object = Cow::Owned(simpler);
        }
        object
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

/// Instructions of a program, and their map references, sorted by slot.
pub(super) struct Code {
    pub(super) insns: Vec<Insn>,
    pub(super) map_references: Vec<MapReference>,
}

impl Code {
    /// Appends a part of the frame, whose jumps have their targets in place of distances. `loads` has the slot of each
    /// load of a map, and the index of the map; `exit` is the target of [`TO_EXIT`].
    fn append(&mut self, part: &[Insn], loads: &[(usize, usize)], exit: usize) {
        let start = self.insns.len();
        let references = loads.iter().map(|&(slot, map)| MapReference {
            slot: start + slot,
            map,
        });
        self.map_references.extend(references);
        for (slot, insn) in part.iter().enumerate() {
            let is_jump = insn.class() == class::JMP && ![CALL, EXIT].contains(&insn.opcode());
            let target = match insn.off() {
                TO_EXIT => exit,
                slot => start + usize::from(slot.unsigned_abs()),
            };
            let distance = target.cast_signed() - (start + slot + 1).cast_signed();
            self.insns.push(if is_jump {
                insn.with_off(i16::try_from(distance).unwrap_or_default())
            } else {
                *insn
            });
        }
    }
}

impl Frame {
    /// Number of the frame's maps before [`RINGS`].
    const fn maps(self) -> usize {
        match self.place {
            Place::Alone => 1,
            Place::Chained => 2,
        }
    }

    /// Slots after the entry function.
    const fn after(self) -> usize {
        let pass_on = match self.place {
            Place::Alone => 0,
            Place::Chained => PASS_ON,
        };
        let sample = if self.samples { sampler::SLOTS } else { 0 };
        COUNT + pass_on + sample + LEAVE
    }

    /// The instructions after the entry function. Their map references count from the first of these instructions.
    fn epilogue(self) -> Code {
        let mut code = Code {
            insns: Vec::with_capacity(self.after()),
            map_references: Vec::new(),
        };
        let exit = self.after() - LEAVE;
        let loads = [(TOTALS_LOAD, self.first_map)];
        code.append(&listing::count(self.saved), &loads, exit);
        if self.place == Place::Chained {
            let loads = [(NEXT_LOAD, self.first_map + 1)];
            code.append(&listing::pass_on(), &loads, exit);
        }
        if self.samples {
            let rings = self.first_map + self.maps();
            let [first, second, third, fourth] = SETTINGS_LOADS.map(|slot| (slot, rings + 1));
            let loads = [first, (RINGS_LOAD, rings), second, third, fourth];
            code.append(&sampler::sampler(self.saved), &loads, exit);
        }
        code.append(&listing::leave(), &[], exit);
        code
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
            EXIT => assembly::jump(i16::try_from(left).unwrap_or_default()),
            CALL if insn.src() == pseudo::CALL => {
                let shift = i32::try_from(epilogue).unwrap_or_default();
                insn.with_imm(insn.imm().saturating_add(shift))
            }
            _ => insn,
        }
    })
}
