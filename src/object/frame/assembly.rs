//! Constructors for the instructions of the frame.

use super::super::insn::{self, BPF_B, BPF_DW, BPF_H, BPF_W, Insn, LD_IMM64, class, pseudo};

pub(super) const R0: u8 = 0;
pub(super) const R1: u8 = 1;
pub(super) const R2: u8 = 2;
pub(super) const R3: u8 = 3;
pub(super) const R4: u8 = 4;
pub(super) const R5: u8 = 5;
pub(super) const R6: u8 = 6;
pub(super) const R7: u8 = 7;
pub(super) const R8: u8 = 8;
pub(super) const R9: u8 = 9;
pub(super) const R10: u8 = 10;

/// Mode of a load or store of memory.
const BPF_MEM: u8 = 0x60;
/// Mode of an atomic addition.
const BPF_XADD: u8 = 0xc0;

/// Sizes of memory accesses.
pub(super) const BYTE: u8 = BPF_MEM | BPF_B;
pub(super) const HALF: u8 = BPF_MEM | BPF_H;
pub(super) const WORD: u8 = BPF_MEM | BPF_W;
pub(super) const DOUBLE: u8 = BPF_MEM | BPF_DW;

/// Operations of arithmetic instructions.
pub(super) const ADD: u8 = 0x00;
pub(super) const SUB: u8 = 0x10;
pub(super) const MUL: u8 = 0x20;
pub(super) const DIV: u8 = 0x30;
pub(super) const AND: u8 = 0x50;
pub(super) const LSH: u8 = 0x60;
pub(super) const RSH: u8 = 0x70;
pub(super) const MOD: u8 = 0x90;
pub(super) const MOV: u8 = 0xb0;

/// Comparisons of conditional jumps; those with an `S` are signed.
pub(super) const JEQ: u8 = 0x10;
pub(super) const JGT: u8 = 0x20;
pub(super) const JGE: u8 = 0x30;
pub(super) const JNE: u8 = 0x50;
pub(super) const JSGE: u8 = 0x70;
pub(super) const JLT: u8 = 0xa0;
pub(super) const JLE: u8 = 0xb0;
pub(super) const JSLT: u8 = 0xc0;

/// Target of a jump to the part that returns the verdict. Other targets are slots in the part of the jump.
pub(super) const TO_EXIT: i16 = i16::MAX;

/// `goto`.
pub(super) const fn jump(target: i16) -> Insn {
    Insn::new(class::JMP, 0, 0, target, 0)
}

/// `if register COMPARISON value goto`.
pub(super) const fn branch(comparison: u8, register: u8, value: i32, target: i16) -> Insn {
    Insn::new(class::JMP | comparison, register, 0, target, value)
}

/// `if left COMPARISON right goto`, of two registers.
pub(super) const fn compare(comparison: u8, left: u8, right: u8, target: i16) -> Insn {
    Insn::new(
        class::JMP | comparison | insn::BPF_X,
        left,
        right,
        target,
        0,
    )
}

/// An operation on two registers.
pub(super) const fn registers(operation: u8, dst: u8, src: u8) -> Insn {
    Insn::new(class::ALU64 | operation | insn::BPF_X, dst, src, 0, 0)
}

/// `dst = src`, the lower 32 bits.
pub(super) const fn lower_half(dst: u8, src: u8) -> Insn {
    Insn::new(class::ALU | MOV | insn::BPF_X, dst, src, 0, 0)
}

/// An operation on a register and a constant.
pub(super) const fn constant(operation: u8, dst: u8, value: i32) -> Insn {
    Insn::new(class::ALU64 | operation, dst, 0, 0, value)
}

pub(super) const fn load(size: u8, dst: u8, from: u8, offset: i16) -> Insn {
    Insn::new(class::LDX | size, dst, from, offset, 0)
}

pub(super) const fn store(size: u8, to: u8, offset: i16, src: u8) -> Insn {
    Insn::new(class::STX | size, to, src, offset, 0)
}

pub(super) const fn store_constant(size: u8, to: u8, offset: i16, value: i32) -> Insn {
    Insn::new(class::ST | size, to, 0, offset, value)
}

/// Adds a register to 8 bytes in memory, atomically.
pub(super) const fn atomic_add(to: u8, offset: i16, src: u8) -> Insn {
    Insn::new(class::STX | BPF_XADD | BPF_DW, to, src, offset, 0)
}

/// Loads a map; [`UPPER_HALF`] follows.
pub(super) const fn map(dst: u8) -> Insn {
    Insn::new(LD_IMM64, dst, pseudo::MAP_FD, 0, 0)
}

/// Loads the address of a map's only value (5.2); [`UPPER_HALF`] follows.
pub(super) const fn map_value(dst: u8) -> Insn {
    Insn::new(LD_IMM64, dst, pseudo::MAP_VALUE, 0, 0)
}

/// Second slot of a 64-bit load.
pub(super) const UPPER_HALF: Insn = Insn::new(0, 0, 0, 0, 0);
