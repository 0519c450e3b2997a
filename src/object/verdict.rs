//! Verdicts that a program may return, as far as its instructions show.

use super::insn::{BPF_X, CALL, EXIT, Insn, class};

/// Operations (`BPF_OP`).
const BPF_JA: u8 = 0x00;
const BPF_MOV: u8 = 0xb0;
/// Registers 0 to 5, which a call overwrites.
const OVERWRITTEN: u16 = 0x3f;
/// The register of the verdict.
const R0: u16 = 1;
/// The register with the end of the stack.
const R10: u8 = 10;
/// Sizes of a load or store that a compiler spills a verdict with: `BPF_MEM` with 4 and with 8 bytes.
const SPILLS: [u8; 2] = [0x60, 0x78];

/// The places that may have the constant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Holders {
    /// A bit for each register.
    registers: u16,
    /// A bit for each 8 bytes of the stack, from its end downwards.
    stack: u64,
}

/// True if a path of instructions moves the constant `verdict` into register 0, by way of other registers and the stack
/// maybe, and keeps it there up to an exit. A verdict that is computed or read from other memory is not seen.
///
/// Follows for each instruction the places that may have the constant. Each of the 80 places is added to an instruction
/// once, so the time is bounded by the size of the program.
pub(super) fn may_be(insns: &[Insn], verdict: i32) -> bool {
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

/// The constant that the instruction moves into a register, or stores on the stack.
fn moved(insn: Insn) -> Option<i32> {
    let (class, rest) = (insn.opcode() & 7, insn.opcode() & 0xf8);
    let is_move = matches!(class, class::ALU | class::ALU64) && rest == BPF_MOV;
    (is_move || class == class::ST).then(|| insn.imm())
}

/// The places that may have the constant after the instruction.
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
    match opcode & 7 {
        class::ALU | class::ALU64 if opcode & 0xf0 == BPF_MOV => {
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
            registers: before.registers & !OVERWRITTEN,
            ..before
        },
        _ => before,
    }
}

/// The bit of the stack that a load or store by way of `base` accesses; 0 for other memory.
fn stack_place(base: u8, insn: Insn) -> u64 {
    let is_spill = base == R10 && SPILLS.contains(&(insn.opcode() & 0xf8));
    let below = u32::from(insn.off().unsigned_abs().saturating_sub(1)) / 8;
    if is_spill && insn.off() < 0 {
        1_u64.checked_shl(below).unwrap_or_default()
    } else {
        0
    }
}

/// The instructions that may be next.
fn successors(slot: usize, insn: Insn) -> [Option<usize>; 2] {
    let opcode = insn.opcode();
    let next = slot.checked_add(if insn.is_wide() { 2 } else { 1 });
    if !matches!(opcode & 7, class::JMP | class::JMP32) || opcode == CALL {
        return [next, None];
    }
    let jumps = opcode & 0xf0 == BPF_JA;
    let distance = if jumps && opcode & 7 == class::JMP32 {
        isize::try_from(insn.imm()).unwrap_or_default()
    } else {
        isize::from(insn.off())
    };
    let target = next.and_then(|next| next.checked_add_signed(distance));
    [next.filter(|_| !jumps), target]
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(may_be(&insns, 3), expected, "{code:x?}");
        }
    }
}
