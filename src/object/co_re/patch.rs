//! Patches the value of a relocation into an instruction.

use super::super::insn::{BPF_B, BPF_DW, BPF_H, BPF_SIZE_MASK, BPF_W, BPF_X, Insn, class};
use super::{Relocation, Value, Width};

/// Number of the helper that a poisoned instruction calls, the same as in libbpf. No kernel has such a helper, so that the
/// verifier refuses a program that can reach the instruction.
pub const POISON: i32 = 0x0bad_2310;

/// Replaces the compiler's value `own` with the kernel's value `found`. Without one, poisons the instruction.
///
/// # Errors
/// The reason why the value does not fit the instruction.
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
    match insn.class() {
        class::ALU | class::ALU64 if insn.opcode() & BPF_X == 0 => {
            let number = i32::try_from(found.number.cast_signed());
            // The immediate has 32 bits, for a signed or unsigned number.
            let number = number.or_else(|_| u32::try_from(found.number).map(u32::cast_signed));
            *insn = insn
                .with_imm(number.map_err(|_| "its value has more than 32 bits in this kernel")?);
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

/// Gives a load or store the kernel's offset and, if the number has another size in the kernel, that size.
fn access(insn: &mut Insn, own: Value, found: Value) -> Result<(), &'static str> {
    let offset = i16::try_from(found.number);
    *insn = insn.with_off(offset.map_err(|_| "its offset has more than 16 bits in this kernel")?);
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
            let size = size_bits(bytes)
                .ok_or("its member has a size in this kernel that no instruction loads")?;
            *insn = insn.with_opcode(insn.opcode() & !BPF_SIZE_MASK | size);
            Ok(())
        }
        _ => Err(
            "its member is signed and has another size in this kernel; read it with BPF_CORE_READ",
        ),
    }
}

/// Number of bytes that a load or store accesses.
const fn size_of(opcode: u8) -> u32 {
    match opcode & BPF_SIZE_MASK {
        BPF_W => 4,
        BPF_H => 2,
        BPF_B => 1,
        _ => 8,
    }
}

/// The size in the opcode (`BPF_SIZE`) for an access of `bytes` bytes.
const fn size_bits(bytes: u32) -> Option<u8> {
    match bytes {
        4 => Some(BPF_W),
        2 => Some(BPF_H),
        1 => Some(BPF_B),
        8 => Some(BPF_DW),
        _ => None,
    }
}

/// Replaces an instruction with a call of [`POISON`].
fn poison(insn: &mut Insn, after: &mut [Insn]) {
    let wide = insn.is_wide();
    *insn = Insn::call(POISON);
    // The second slot of a 64-bit load is not an instruction of its own, so it is replaced too.
    if let Some(high) = after.first_mut().filter(|_| wide) {
        *high = Insn::call(POISON);
    }
}

/// The lower and the upper 32 bits of a number.
fn halves(number: u64) -> [i32; 2] {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default();
    [half(number).cast_signed(), half(number >> 32).cast_signed()]
}
