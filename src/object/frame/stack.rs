//! Search for 8 free bytes in the stack frame of a function.

use super::super::insn::{BPF_X, Insn, class};

/// Bytes of stack that a program may use (`MAX_BPF_STACK`).
const STACK: i16 = 512;
/// The frame pointer: the address above the stack of the function.
const R10: u8 = 10;

/// Offset from register 10 of 8 aligned bytes below the stack that `function` uses; `None` if all of the stack is used.
///
/// The search covers the two forms that compilers emit: accesses by register 10, and a copy of register 10 followed by the
/// addition of a constant. If a program reaches the 8 bytes by another form, the verifier refuses the frame.
pub(super) fn free_slot(function: &[Insn]) -> Option<i16> {
    let direct = function.iter().filter_map(|insn| accessed(*insn));
    let formed = function.windows(2).filter_map(|pair| match *pair {
        [copy, add] => formed(copy, add),
        _ => None,
    });
    let deepest = direct.chain(formed).min().unwrap_or(0);
    let slot = (deepest & !7).checked_sub(8)?;
    (slot >= -STACK).then_some(slot)
}

/// Offset of a load or store that uses register 10; `None` for other instructions.
fn accessed(insn: Insn) -> Option<i16> {
    let base = match insn.opcode() & 7 {
        class::LDX => insn.src(),
        class::ST | class::STX => insn.dst(),
        _ => return None,
    };
    (base == R10 && insn.off() < 0).then(|| insn.off())
}

/// The offset in `rX = r10; rX += OFFSET`; `None` for other instructions.
fn formed(copy: Insn, add: Insn) -> Option<i16> {
    const COPY: u8 = class::ALU64 | 0xb0 | BPF_X;
    const ADD: u8 = class::ALU64;
    let forms = copy.opcode() == COPY
        && copy.src() == R10
        && add.opcode() == ADD
        && add.dst() == copy.dst();
    let offset = i16::try_from(add.imm()).ok()?;
    (forms && offset < 0).then_some(offset)
}
