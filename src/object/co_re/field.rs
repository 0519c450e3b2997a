//! Values of relocations that depend on a member.

use super::super::btf::{Btf, Type};
use super::access::Place;
use super::{Kind, Value, Width};

/// Width of the register into which a bit-field is loaded, in bits.
const REGISTER: u64 = 64;

/// The value of a relocation of this kind for the member at `place`. `None` if the member's type has no size, or if a
/// bit-field does not fit into a register.
pub(super) fn value(btf: &Btf, place: Place, kind: Kind) -> Option<Value> {
    let (byte_offset, byte_size) = storage(btf, place)?;
    let bits = place.bit_size.map_or(byte_size * 8, u64::from);
    Some(match kind {
        Kind::ByteOffset => Value {
            number: byte_offset,
            width: width(btf, place).filter(|_| place.bit_size.is_none()),
        },
        Kind::ByteSize => Value::number(byte_size),
        Kind::FieldExists => Value::number(1),
        Kind::Signed => Value::number(u64::from(is_signed(btf, place.type_id))),
        Kind::ShiftLeft => {
            let end = place
                .bit_offset
                .checked_add(bits)?
                .checked_sub(byte_offset * 8)?;
            Value::number(REGISTER.checked_sub(end)?)
        }
        Kind::ShiftRight => Value::number(REGISTER.checked_sub(bits)?),
        _ => return None,
    })
}

/// Offset and size of the bytes to load: the member, or the smallest aligned number around the bit-field.
fn storage(btf: &Btf, place: Place) -> Option<(u64, u64)> {
    let size = u64::from(btf.size_of(place.type_id).ok()?);
    let Some(bits) = place.bit_size else {
        return Some((place.bit_offset / 8, size));
    };
    let end = place.bit_offset.checked_add(bits.into())?;
    let mut sizes = [1_u64, 2, 4, 8].into_iter().filter(|&bytes| bytes >= size);
    sizes.find_map(|bytes| {
        let offset = place.bit_offset / 8 / bytes * bytes;
        (end <= (offset + bytes) * 8).then_some((offset, bytes))
    })
}

/// Size of the number or pointer at `place`; `None` for other types, which no single instruction loads.
fn width(btf: &Btf, place: Place) -> Option<Width> {
    let unsigned = match btf.resolve(place.type_id).ok()?.1 {
        Type::Int(int) => !int.signed,
        Type::Enum(enumeration) => !enumeration.signed,
        Type::Pointer { .. } => true,
        _ => return None,
    };
    let bytes = btf.size_of(place.type_id).ok()?;
    Some(Width { bytes, unsigned })
}

fn is_signed(btf: &Btf, id: u32) -> bool {
    match btf.resolve(id) {
        Ok((_, Type::Int(int))) => int.signed,
        Ok((_, Type::Enum(enumeration))) => enumeration.signed,
        _ => false,
    }
}
