//! Verdicts that a program may return, as far as its instructions show.

use super::insn::{CALL, EXIT, Insn};

/// Classes of instructions (`BPF_CLASS`).
mod class {
    pub(crate) const LD: u8 = 0;
    pub(crate) const LDX: u8 = 1;
    pub(crate) const ALU: u8 = 4;
    pub(crate) const JMP: u8 = 5;
    pub(crate) const JMP32: u8 = 6;
    pub(crate) const ALU64: u8 = 7;
}
/// Operations (`BPF_OP`).
const BPF_JA: u8 = 0x00;
const BPF_MOV: u8 = 0xb0;
/// `BPF_X`: the source is a register.
const BPF_X: u8 = 0x08;
/// Registers 0 to 5, which a call overwrites.
const OVERWRITTEN: u16 = 0x3f;
/// The register of the verdict.
const R0: u16 = 1;

/// True if a path of instructions moves the constant `verdict` into register 0 and keeps it there up to an exit. A
/// verdict that is computed, spilled to the stack, or read from memory is not seen.
///
/// Follows for each instruction the registers that may have the constant. Each of the 16 registers is added to an
/// instruction once, so the time is bounded by the size of the program.
pub(super) fn may_be(insns: &[Insn], verdict: i32) -> bool {
    let mut holders = vec![0_u16; insns.len()];
    let moves = |(slot, insn): (usize, &Insn)| (moved(*insn) == Some(verdict)).then_some(slot);
    let mut open: Vec<usize> = insns.iter().enumerate().filter_map(moves).collect();
    while let Some(slot) = open.pop() {
        let (Some(&insn), Some(&before)) = (insns.get(slot), holders.get(slot)) else {
            continue;
        };
        if insn.opcode() == EXIT {
            if before & R0 != 0 {
                return true;
            }
            continue;
        }
        let after = step(insn, before, verdict);
        for next in successors(slot, insn).into_iter().flatten() {
            if let Some(known) = holders.get_mut(next)
                && *known | after != *known
            {
                *known |= after;
                open.push(next);
            }
        }
    }
    false
}

/// The constant that the instruction moves into a register.
fn moved(insn: Insn) -> Option<i32> {
    let (class, rest) = (insn.opcode() & 7, insn.opcode() & 0xf8);
    (matches!(class, class::ALU | class::ALU64) && rest == BPF_MOV).then(|| insn.imm())
}

/// The registers that may have the constant after the instruction.
fn step(insn: Insn, before: u16, verdict: i32) -> u16 {
    let opcode = insn.opcode();
    let dst = 1 << insn.dst();
    match opcode & 7 {
        class::ALU | class::ALU64 if opcode & 0xf0 == BPF_MOV => {
            let holds = if opcode & BPF_X == 0 {
                insn.imm() == verdict
            } else {
                before & 1 << insn.src() != 0
            };
            if holds { before | dst } else { before & !dst }
        }
        class::ALU | class::ALU64 | class::LD | class::LDX => before & !dst,
        _ if opcode == CALL => before & !OVERWRITTEN,
        _ => before,
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
