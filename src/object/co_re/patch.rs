//! Writing a value into an instruction.

use super::super::insn::{BPF_X, Insn, class};
use super::{Relocation, Value, Width};

/// The helper that an instruction without value calls. The kernel has none of this number, so that the verifier refuses
/// a program that can reach the instruction. libbpf uses the same.
pub const POISON: i32 = 0x0bad_2310;

/// Bits of the access size in the opcode of a load or store.
const SIZE_MASK: u8 = 0x18;

/// Replaces the value `own`, which the compiler wrote, by the kernel's.
///
/// # Errors
/// The reason why the instruction cannot have the value.
pub(super) fn patch(
    insns: &mut [Insn],
    relocation: &Relocation,
    own: Value,
    found: Option<Value>,
) -> Result<(), &'static str> {
    let slot = relocation.slot;
    let rest = insns.get_mut(slot..).unwrap_or_default();
    let [insn, after @ ..] = rest else {
        return Err("there is no such instruction");
    };
    let Some(found) = found else {
        poison(insn, after);
        return Ok(());
    };
    match insn.opcode() & 7 {
        class::ALU | class::ALU64 if insn.opcode() & BPF_X == 0 => {
            let number = i32::try_from(found.number.cast_signed());
            // The immediate is 32 bits, signed or unsigned.
            let number = number.or_else(|_| u32::try_from(found.number).map(u32::cast_signed));
            *insn = insn.with_imm(number.map_err(|_| "its value has more than 32 bits here")?);
            Ok(())
        }
        class::LDX | class::ST | class::STX => access(insn, own, found),
        class::LD if insn.is_wide() => {
            let [high, ..] = after else {
                return Err("is a 64-bit load without its second half");
            };
            let [low_half, high_half] = halves(found.number);
            *insn = insn.with_imm(low_half);
            *high = high.with_imm(high_half);
            Ok(())
        }
        _ => Err("its instruction has no place for a value"),
    }
}

/// Gives a load or store the kernel's offset and, where the number has another size there, its size.
fn access(insn: &mut Insn, own: Value, found: Value) -> Result<(), &'static str> {
    let offset = i16::try_from(found.number);
    *insn = insn.with_off(offset.map_err(|_| "its offset has more than 16 bits here")?);
    let (Some(own), Some(found)) = (own.width, found.width) else {
        return Ok(());
    };
    if own.bytes == found.bytes || own.bytes != size_of(insn.opcode()) {
        return Ok(());
    }
    match found {
        Width {
            unsigned: true,
            bytes,
        } if own.unsigned => {
            let size =
                code_of(bytes).ok_or("its member has a size here that no instruction loads")?;
            *insn = insn.with_opcode(insn.opcode() & !SIZE_MASK | size);
            Ok(())
        }
        _ => Err("its member has another size here, and a sign; read it by BPF_CORE_READ"),
    }
}

/// Bytes that a load or store accesses.
const fn size_of(opcode: u8) -> u32 {
    match opcode & SIZE_MASK {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    }
}

/// The bits of an opcode for an access of so many bytes.
const fn code_of(bytes: u32) -> Option<u8> {
    match bytes {
        4 => Some(0x00),
        2 => Some(0x08),
        1 => Some(0x10),
        8 => Some(0x18),
        _ => None,
    }
}

/// Makes an instruction that the verifier refuses, if the program can reach it.
fn poison(insn: &mut Insn, after: &mut [Insn]) {
    let wide = insn.is_wide();
    *insn = Insn::call(POISON);
    // The second half of a load is no instruction of its own.
    if let Some(high) = after.first_mut().filter(|_| wide) {
        *high = Insn::call(POISON);
    }
}

/// The lower and the upper 32 bits.
fn halves(number: u64) -> [i32; 2] {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default();
    [half(number).cast_signed(), half(number >> 32).cast_signed()]
}
