//! The instructions of the frame, in parts.
//!
//! ```text
//! prologue:
//!     *(u64 *)(r10 + SAVED) = r1              the context, `struct xdp_md`
//!
//!     the entry function, each `exit` of which is `goto count`
//!
//! count:
//!  0  w6 = w0                                 the verdict
//!  1  r7 = *(u64 *)(r10 + SAVED)
//!  2  *(u64 *)(r10 + SAVED) = 0               the key of the counters
//!  3  r2 = r10
//!  4  r2 += SAVED
//!  5  r1 = TOTALS ll
//!  7  call bpf_map_lookup_elem
//!  8  if r0 == 0 goto exit                    never taken: an array has every entry, but the verifier needs the check
//!  9  r8 = r0
//! 10  r1 = r6
//! 11  if r1 <= 4 goto 13                      XDP_REDIRECT
//! 12  r1 = 5
//! 13  r1 <<= 4
//! 14  r0 += r1
//! 15  r1 = *(u64 *)(r0 + 0)                   packets
//! 16  r1 += 1
//! 17  *(u64 *)(r0 + 0) = r1
//! 18  r1 = *(u32 *)(r7 + 4)                   data_end
//! 19  r2 = *(u32 *)(r7 + 0)                   data
//! 20  r1 -= r2
//! 21  r2 = *(u64 *)(r0 + 8)                   bytes
//! 22  r2 += r1
//! 23  *(u64 *)(r0 + 8) = r2
//!
//! pass_on, only in a chain:
//!  0  if r6 != 2 goto 6                       XDP_PASS
//!  1  r1 = r7
//!  2  r2 = NEXT ll
//!  4  r3 = 0
//!  5  call bpf_tail_call                      returns only if the slot is empty
//!
//! sample, see [`sampler`](super::sampler)
//!
//! exit:
//!  0  r0 = r6
//!  1  exit
//! ```
//!
//! The entry function has no caller, so the frame may overwrite the callee-saved registers 6 to 9. The frame counts the
//! length of the packet at the exit. The length at the entry would need a live register or stack slot throughout the
//! program, which multiplies the states that the verifier examines.
//!
//! The index of the tail call is a constant, so on `x86_64` the kernel compiles it to a jump (5.5).

use super::super::insn::{EXIT, Insn, MAP_LOOKUP_ELEM, TAIL_CALL};
use super::assembly::{
    ADD, DOUBLE, JEQ, JLE, JNE, LSH, MOV, R0, R1, R2, R3, R6, R7, R8, R10, SUB, TO_EXIT,
    UPPER_HALF, WORD, branch, constant, load, lower_half, map, registers, store, store_constant,
};

/// Slots before the entry function.
pub(super) const PROLOGUE: usize = 1;
/// Slots of the parts after the entry function.
pub(super) const COUNT: usize = 24;
pub(super) const PASS_ON: usize = 6;
pub(super) const LEAVE: usize = 2;
/// Slot in [`count`] that loads the map [`TOTALS`](super::TOTALS).
pub(super) const TOTALS_LOAD: usize = 5;
/// Slot in [`pass_on`] that loads the map [`NEXT`](super::NEXT).
pub(super) const NEXT_LOAD: usize = 2;

/// Offsets in `struct xdp_md`.
const DATA: i16 = 0;
const DATA_END: i16 = 4;

const XDP_PASS: i32 = 2;
const XDP_REDIRECT: i32 = 4;

pub(super) const fn prologue(saved: i16) -> [Insn; PROLOGUE] {
    [store(DOUBLE, R10, saved, R1)]
}

/// The part that counts the packet.
pub(super) const fn count(saved: i16) -> [Insn; COUNT] {
    [
        lower_half(R6, R0),
        load(DOUBLE, R7, R10, saved),
        store_constant(DOUBLE, R10, saved, 0),
        registers(MOV, R2, R10),
        constant(ADD, R2, saved as i32),
        map(R1),
        UPPER_HALF,
        Insn::call(MAP_LOOKUP_ELEM),
        branch(JEQ, R0, 0, TO_EXIT),
        registers(MOV, R8, R0),
        registers(MOV, R1, R6),
        branch(JLE, R1, XDP_REDIRECT, 13),
        constant(MOV, R1, XDP_REDIRECT + 1),
        constant(LSH, R1, 4),
        registers(ADD, R0, R1),
        load(DOUBLE, R1, R0, 0),
        constant(ADD, R1, 1),
        store(DOUBLE, R0, 0, R1),
        load(WORD, R1, R7, DATA_END),
        load(WORD, R2, R7, DATA),
        registers(SUB, R1, R2),
        load(DOUBLE, R2, R0, 8),
        registers(ADD, R2, R1),
        store(DOUBLE, R0, 8, R2),
    ]
}

/// The part that runs the next program of the chain if the verdict is `XDP_PASS`.
pub(super) const fn pass_on() -> [Insn; PASS_ON] {
    [
        branch(JNE, R6, XDP_PASS, 6),
        registers(MOV, R1, R7),
        map(R2),
        UPPER_HALF,
        constant(MOV, R3, 0),
        Insn::call(TAIL_CALL),
    ]
}

/// The part that returns the verdict.
pub(super) const fn leave() -> [Insn; LEAVE] {
    [registers(MOV, R0, R6), Insn::new(EXIT, 0, 0, 0, 0)]
}
