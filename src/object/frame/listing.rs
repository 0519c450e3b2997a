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
//!  9  r1 = r6
//! 10  if r1 <= 4 goto 12                      XDP_REDIRECT
//! 11  r1 = 5
//! 12  r1 <<= 4
//! 13  r0 += r1
//! 14  r1 = *(u64 *)(r0 + 0)                   packets
//! 15  r1 += 1
//! 16  *(u64 *)(r0 + 0) = r1
//! 17  r1 = *(u32 *)(r7 + 4)                   data_end
//! 18  r2 = *(u32 *)(r7 + 0)                   data
//! 19  r1 -= r2
//! 20  r2 = *(u64 *)(r0 + 8)                   bytes
//! 21  r2 += r1
//! 22  *(u64 *)(r0 + 8) = r2
//!
//! pass_on, only in a chain:
//!  0  if r6 != 2 goto 6                       XDP_PASS
//!  1  r1 = r7
//!  2  r2 = NEXT ll
//!  4  r3 = 0
//!  5  call bpf_tail_call                      returns only if the slot is empty
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
//! The index of the tail call is a constant, so the kernel's JIT compiler for x86_64 makes it a jump (5.5).

use super::super::insn::{self, EXIT, Insn, LD_IMM64, class, pseudo};

/// Slots before the entry function.
pub(super) const PROLOGUE: usize = 1;
/// Slots of the parts after the entry function.
pub(super) const COUNT: usize = 23;
pub(super) const PASS_ON: usize = 6;
pub(super) const LEAVE: usize = 2;
/// Slot in [`count`] that loads the map [`TOTALS`](super::TOTALS).
pub(super) const TOTALS_LOAD: usize = 5;
/// Slot in [`pass_on`] that loads the map [`NEXT`](super::NEXT).
pub(super) const NEXT_LOAD: usize = 2;

const R0: u8 = 0;
const R1: u8 = 1;
const R2: u8 = 2;
const R3: u8 = 3;
const R6: u8 = 6;
const R7: u8 = 7;
const R10: u8 = 10;

/// Sizes of memory accesses with `BPF_MEM`.
const WORD: u8 = 0x60;
const DOUBLE_WORD: u8 = 0x78;

/// Offsets in `struct xdp_md`.
const DATA: i16 = 0;
const DATA_END: i16 = 4;

const XDP_PASS: i32 = 2;
const XDP_REDIRECT: i32 = 4;

/// `goto +distance`.
pub(super) const fn jump(distance: i16) -> Insn {
    Insn::new(class::JMP, 0, 0, distance, 0)
}

pub(super) const fn prologue(saved: i16) -> [Insn; PROLOGUE] {
    [store(DOUBLE_WORD, R10, saved, R1)]
}

/// The part that counts the packet; `between` is the number of slots between this part and `exit`.
pub(super) const fn count(saved: i16, between: i16) -> [Insn; COUNT] {
    [
        // w6 = w0
        Insn::new(class::ALU | BPF_MOV | insn::BPF_X, R6, R0, 0, 0),
        load(DOUBLE_WORD, R7, R10, saved),
        Insn::new(class::ST | DOUBLE_WORD, R10, 0, saved, 0),
        registers(BPF_MOV, R2, R10),
        constant(BPF_ADD, R2, saved as i32),
        Insn::new(LD_IMM64, R1, pseudo::MAP_FD, 0, 0),
        Insn::new(0, 0, 0, 0, 0),
        Insn::call(insn::MAP_LOOKUP_ELEM),
        branch(BPF_JEQ, R0, 0, 14 + between),
        registers(BPF_MOV, R1, R6),
        branch(BPF_JLE, R1, XDP_REDIRECT, 1),
        constant(BPF_MOV, R1, XDP_REDIRECT + 1),
        constant(BPF_LSH, R1, 4),
        registers(BPF_ADD, R0, R1),
        load(DOUBLE_WORD, R1, R0, 0),
        constant(BPF_ADD, R1, 1),
        store(DOUBLE_WORD, R0, 0, R1),
        load(WORD, R1, R7, DATA_END),
        load(WORD, R2, R7, DATA),
        registers(BPF_SUB, R1, R2),
        load(DOUBLE_WORD, R2, R0, 8),
        registers(BPF_ADD, R2, R1),
        store(DOUBLE_WORD, R0, 8, R2),
    ]
}

/// The part that runs the next program of the chain if the verdict is `XDP_PASS`.
pub(super) const fn pass_on() -> [Insn; PASS_ON] {
    [
        branch(BPF_JNE, R6, XDP_PASS, 5),
        registers(BPF_MOV, R1, R7),
        Insn::new(LD_IMM64, R2, pseudo::MAP_FD, 0, 0),
        Insn::new(0, 0, 0, 0, 0),
        constant(BPF_MOV, R3, 0),
        Insn::call(insn::TAIL_CALL),
    ]
}

/// The part that returns the verdict.
pub(super) const fn leave() -> [Insn; LEAVE] {
    [registers(BPF_MOV, R0, R6), Insn::new(EXIT, 0, 0, 0, 0)]
}

/// Comparisons of conditional jumps.
const BPF_JEQ: u8 = 0x10;
const BPF_JNE: u8 = 0x50;
const BPF_JLE: u8 = 0xb0;

/// `if register OPERATION value goto +distance`.
const fn branch(operation: u8, register: u8, value: i32, distance: i16) -> Insn {
    Insn::new(class::JMP | operation, register, 0, distance, value)
}

/// Operations of arithmetic instructions.
const BPF_ADD: u8 = 0x00;
const BPF_SUB: u8 = 0x10;
const BPF_LSH: u8 = 0x60;
const BPF_MOV: u8 = 0xb0;

const fn registers(operation: u8, dst: u8, src: u8) -> Insn {
    Insn::new(class::ALU64 | operation | insn::BPF_X, dst, src, 0, 0)
}

const fn constant(operation: u8, dst: u8, value: i32) -> Insn {
    Insn::new(class::ALU64 | operation, dst, 0, 0, value)
}

const fn load(size: u8, dst: u8, from: u8, offset: i16) -> Insn {
    Insn::new(class::LDX | size, dst, from, offset, 0)
}

const fn store(size: u8, to: u8, offset: i16, src: u8) -> Insn {
    Insn::new(class::STX | size, to, src, offset, 0)
}
