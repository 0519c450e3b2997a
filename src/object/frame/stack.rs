//! Stack that a function leaves free.

use super::super::insn::{BPF_X, Insn, class};

/// Bytes of stack that a program may use (`MAX_BPF_STACK`).
const STACK: i16 = 512;
/// The register with the stack's end.
const R10: u8 = 10;

/// Offset from the stack's end of 8 bytes below all that `function` uses; `None` if there are none.
///
/// The addresses that compilers form are seen: accesses by way of register 10, and copies of register 10 to which the
/// next instruction adds a constant. Where other addresses reach the 8 bytes, the verifier refuses the frame.
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

/// Offset of a load or store by way of register 10.
fn accessed(insn: Insn) -> Option<i16> {
    let base = match insn.opcode() & 7 {
        class::LDX => insn.src(),
        class::ST | class::STX => insn.dst(),
        _ => return None,
    };
    (base == R10 && insn.off() < 0).then(|| insn.off())
}

/// Offset of the address that `rX = r10; rX += OFFSET` forms.
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
