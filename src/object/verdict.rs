//! Search for a verdict that a program may return, by data flow over its instructions.

use super::insn::{BPF_DW, BPF_SIZE_MASK, BPF_W, BPF_X, CALL, EXIT, Insn, class};

/// Bits of the operation in an opcode of arithmetic or of a jump (`BPF_OP`).
const BPF_OP_MASK: u8 = 0xf0;
/// Operations (`BPF_OP`).
const BPF_JA: u8 = 0x00;
const BPF_MOV: u8 = 0xb0;
/// Bits of the mode in the opcode of a load or store (`BPF_MODE`).
const BPF_MODE_MASK: u8 = 0xe0;
/// Mode of ordinary memory accesses.
const BPF_MEM: u8 = 0x60;
/// Set of the registers that a call overwrites: 0 to 5.
const CALLER_SAVED: u16 = 0x3f;
/// Set of register 0 alone, which has the verdict at an exit.
const R0: u16 = 1;
/// Number of the frame pointer, which points to the end of the stack.
const R10: u8 = 10;
/// Mode and size of the loads and stores with which compilers spill a verdict.
const SPILLS: [u8; 2] = [BPF_MEM | BPF_W, BPF_MEM | BPF_DW];

/// The registers and stack slots that may hold the constant before an instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Holders {
    /// One bit for each register.
    registers: u16,
    /// One bit for each 8 bytes of the stack, from its end downwards.
    stack: u64,
}

/// True if on some path the constant `verdict` is in register 0 at an exit. Copies in other registers and on the stack are
/// followed. A verdict that is computed, or read from other memory, is not found.
///
/// Computes for each instruction the set of [`Holders`]. Each of the 80 bits of a set is added once,
/// so that the time is bounded by the size of the program.
pub(super) fn may_return(insns: &[Insn], verdict: i32) -> bool {
    let mut holders = vec![Holders::default(); insns.len()];
    let moves = |(slot, insn): (usize, &Insn)| (moved(*insn) == Some(verdict)).then_some(slot);
    let mut open: Vec<usize> = insns.iter().enumerate().filter_map(moves).collect();
    while let Some(slot) = open.pop() {
        let (Some(&insn), Some(&before)) = (insns.get(slot), holders.get(slot)) else {
            continue;
        };
        if insn.opcode() == EXIT {
            if before.registers & R0 != 0 {
                return true;
            }
            continue;
        }
        let after = step(insn, before, verdict);
        for next in successors(slot, insn).into_iter().flatten() {
            if let Some(known) = holders.get_mut(next) {
                let all = Holders {
                    registers: known.registers | after.registers,
                    stack: known.stack | after.stack,
                };
                if all != *known {
                    *known = all;
                    open.push(next);
                }
            }
        }
    }
    false
}

/// The constant that the instruction moves into a register, or stores in memory.
fn moved(insn: Insn) -> Option<i32> {
    let is_move = matches!(insn.class(), class::ALU | class::ALU64)
        && insn.opcode() & (BPF_OP_MASK | BPF_X) == BPF_MOV;
    (is_move || insn.class() == class::ST).then(|| insn.imm())
}

/// The registers and stack slots that may hold the constant after the instruction.
fn step(insn: Insn, before: Holders, verdict: i32) -> Holders {
    let opcode = insn.opcode();
    let has = |register: u8| before.registers & 1 << register != 0;
    let set = |register: u8, holds: bool| Holders {
        registers: if holds {
            before.registers | 1 << register
        } else {
            before.registers & !(1 << register)
        },
        ..before
    };
    let store = |holds: bool| {
        let place = stack_place(insn.dst(), insn);
        Holders {
            stack: if holds {
                before.stack | place
            } else {
                before.stack & !place
            },
            ..before
        }
    };
    match insn.class() {
        class::ALU | class::ALU64 if opcode & BPF_OP_MASK == BPF_MOV => {
            let holds = if opcode & BPF_X == 0 {
                insn.imm() == verdict
            } else {
                has(insn.src())
            };
            set(insn.dst(), holds)
        }
        class::LDX => set(
            insn.dst(),
            before.stack & stack_place(insn.src(), insn) != 0,
        ),
        class::ST => store(insn.imm() == verdict),
        class::STX => store(has(insn.src())),
        class::ALU | class::ALU64 | class::LD => set(insn.dst(), false),
        _ if opcode == CALL => Holders {
            registers: before.registers & !CALLER_SAVED,
            ..before
        },
        _ => before,
    }
}

/// The stack bit of a load or store with the base register `base`; 0 for other memory.
fn stack_place(base: u8, insn: Insn) -> u64 {
    let is_spill =
        base == R10 && SPILLS.contains(&(insn.opcode() & (BPF_MODE_MASK | BPF_SIZE_MASK)));
    let below = u32::from(insn.off().unsigned_abs().saturating_sub(1)) / 8;
    if is_spill && insn.off() < 0 {
        1_u64.checked_shl(below).unwrap_or_default()
    } else {
        0
    }
}

/// Slots of the instructions that may run next.
fn successors(slot: usize, insn: Insn) -> [Option<usize>; 2] {
    let opcode = insn.opcode();
    let next = slot.checked_add(if insn.is_wide() { 2 } else { 1 });
    if !matches!(insn.class(), class::JMP | class::JMP32) || opcode == CALL {
        return [next, None];
    }
    let is_unconditional = opcode & BPF_OP_MASK == BPF_JA;
    // `BPF_JMP32 | BPF_JA` has its distance in the immediate (6.6).
    let distance = if is_unconditional && insn.class() == class::JMP32 {
        isize::try_from(insn.imm()).unwrap_or_default()
    } else {
        isize::from(insn.off())
    };
    let target = next.and_then(|next| next.checked_add_signed(distance));
    [next.filter(|_| !is_unconditional), target]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `r[register] = value`.
    const fn set(register: u8, value: u8) -> [u8; 8] {
        [0xb7, register, 0, 0, value, 0, 0, 0]
    }
    const EXIT: [u8; 8] = [0x95, 0, 0, 0, 0, 0, 0, 0];
    /// `r0 = r6`.
    const COPY: [u8; 8] = [0xbf, 0x60, 0, 0, 0, 0, 0, 0];
    /// `r1 <<= r0`.
    const SHIFT: [u8; 8] = [0x6f, 0x01, 0, 0, 0, 0, 0, 0];
    /// `r0 <<= 1`.
    const DOUBLE: [u8; 8] = [0x67, 0, 0, 0, 1, 0, 0, 0];
    /// `*(u64 *)(r10 - 16) = r6`, `r0 = *(u64 *)(r10 - 16)`, `*(u64 *)(r10 - 16) = 3`.
    const SPILL: [u8; 8] = [0x7b, 0x6a, 0xf0, 0xff, 0, 0, 0, 0];
    const FILL: [u8; 8] = [0x79, 0xa0, 0xf0, 0xff, 0, 0, 0, 0];
    const STORE: [u8; 8] = [0x7a, 0x0a, 0xf0, 0xff, 3, 0, 0, 0];
    const CALL: [u8; 8] = [0x85, 0, 0, 0, 1, 0, 0, 0];
    /// `if r1 == 0 goto +1`, `goto +1`, `goto -2`.
    const BRANCH: [u8; 8] = [0x15, 1, 1, 0, 0, 0, 0, 0];
    const FORWARD: [u8; 8] = [0x05, 0, 1, 0, 0, 0, 0, 0];
    const BACK: [u8; 8] = [0x05, 0, 0xfe, 0xff, 0, 0, 0, 0];

    #[test]
    fn constant_must_reach_an_exit_in_register_0() {
        for (code, expected) in [
            (&[set(0, 3), EXIT][..], true),
            (&[set(0, 2), EXIT], false),
            (&[set(6, 3), CALL, COPY, EXIT], true),
            (&[set(6, 3), set(0, 2), EXIT], false),
            (&[set(0, 3), CALL, EXIT], false),
            (&[set(6, 3), SPILL, set(6, 1), FILL, EXIT], true),
            (&[set(6, 3), SPILL, set(6, 1), SPILL, FILL, EXIT], false),
            (&[STORE, CALL, FILL, EXIT], true),
            (&[set(0, 3), FILL, EXIT], false),
            (&[set(0, 3), DOUBLE, EXIT], false),
            (&[set(0, 3), SHIFT, set(0, 2), EXIT], false),
            (&[set(0, 3), BRANCH, set(0, 2), EXIT], true),
            (&[set(0, 3), FORWARD, EXIT, set(0, 1), EXIT], false),
            (&[set(0, 3), BRANCH, BACK, set(0, 2), EXIT], false),
            (&[set(0, 3), BACK], false),
            (&[set(0, 3)], false),
        ] {
            let insns: Vec<_> = code.iter().copied().map(Insn::from_bytes).collect();
            assert_eq!(may_return(&insns, 3), expected, "{code:x?}");
        }
    }
}
