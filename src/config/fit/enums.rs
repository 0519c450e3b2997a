//! Numbers without a name in a value's enumeration. A program takes such a number for none of its cases, which an
//! operator may not expect: often the value is of another version of the program, or its bytes are misplaced.

use std::fmt::Display;
use std::ops::Range;

use super::line;
use crate::base::capacity::MAX_VALUE;
use crate::base::diagnostic::MAX_ERRORS;
use crate::base::escape::Escaped;
use crate::base::suggest::list;
use crate::config::Filter;
use crate::config::entries::Value;
use crate::corefile::Corefile;
use crate::encode::Encoder;
use crate::encode::integer::Number;
use crate::object::layout::{Enumerator, Kind, ShapeId};
use crate::object::{Btf, Layout, MapDef};

/// Least number of names of an enumeration that names some numbers of a longer list.
const MIN_LISTED: u64 = 4;

/// Passes to `report` a warning for each line of `filter` whose value has a number without a name where its type has an
/// enumeration: the first [`MAX_ERRORS`], then the number of the others. The lines have passed [`super::check`].
pub fn warn_of_unnamed_values(
    filter: &Filter,
    corefile: &Corefile,
    maps: &[MapDef],
    btf: Option<&Btf>,
    report: &mut dyn FnMut(&dyn Display),
) {
    let mut count = 0;
    for map_ref in &filter.maps {
        let Some(map) = maps.iter().find(|map| map.name == map_ref.name) else {
            continue;
        };
        let mut encoder = Encoder::new(map, btf);
        let members = encoder.value_layout().map(members).unwrap_or_default();
        if members.is_empty() {
            continue;
        }
        for entry in filter.entries.of_map(map_ref.id, corefile) {
            let mut value = [0; MAX_VALUE];
            let size = line::value(corefile, &entry, &mut encoder, &mut value).unwrap_or_default();
            let value = value.get(..size).unwrap_or_default();
            // A member that an `entry` line does not name is 0.
            let may_be_zero = matches!(entry.value, Value::Words(_));
            let unnamed = members.iter().find_map(|member| {
                let number = member.unnamed(value)?;
                (number != 0 || !may_be_zero).then_some((member, number))
            });
            let Some(((member, number), at)) = unnamed.zip(entry.at()) else {
                continue;
            };
            count += 1;
            if count <= MAX_ERRORS {
                let (file, line) = (Escaped(corefile.file(at)), at.line());
                let directive = entry.directive();
                let Member { path, name, .. } = member;
                let known = member.known();
                report(&format_args!(
                    "{file}:{line}: {directive}: {path} is {number}, which has no name in {name}; there are {known}"
                ));
            }
        }
    }
    if let Some(more @ 1..) = count.checked_sub(MAX_ERRORS) {
        report(&format_args!(
            "{more} more lines have a number without a name in its enumeration"
        ));
    }
}

/// A member of a value that is an enumeration.
struct Member {
    path: String,
    /// Name of the type in C.
    name: String,
    range: Range<usize>,
    values: Vec<Enumerator>,
    /// Bits of valid numbers without a name.
    bits: u64,
}

impl Member {
    /// The number in `value`; `None` if the number has a name.
    fn unnamed(&self, value: &[u8]) -> Option<u64> {
        let bytes = value.get(self.range.clone())?;
        let number = Number::little_endian(0, bytes.len()).read(bytes);
        let is_named = |one: &Enumerator| one.value.to_le_bytes().starts_with(bytes);
        if self.values.iter().any(is_named) {
            return None;
        }
        let is_combination = self.bits != 0 && number & !self.bits == 0;
        (!is_combination).then_some(number)
    }

    /// The names, each with its number.
    fn known(&self) -> String {
        let values = self.values.iter();
        let names: Vec<_> = values
            .map(|one| format!("{} ({})", one.name, one.value))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        list(&names, " and ")
    }
}

/// The enumerations in a value, without those that share bytes with another member of a union.
fn members(layout: &Layout) -> Vec<Member> {
    let mut parts: Vec<(Range<usize>, String, ShapeId)> = Vec::new();
    layout.walk_all("value", &mut |part| {
        let shape = layout.shape(part.shape);
        let has_parts = match shape.kind {
            Kind::Composite(_) => true,
            Kind::Array { element, .. } => {
                let kind = &layout.shape(element).kind;
                matches!(
                    kind,
                    Kind::Enum(_) | Kind::Composite(_) | Kind::Array { .. }
                )
            }
            _ => false,
        };
        // A bit-field is not read.
        if !has_parts && part.bits.is_none() {
            let start = part.offset as usize;
            let range = start..start.saturating_add(shape.size as usize);
            parts.push((range, part.path.to_owned(), part.shape));
        }
        has_parts
    });
    parts.sort_by_key(|(range, ..)| range.start);
    let mut end = 0;
    let starts: Vec<usize> = parts.iter().map(|(range, ..)| range.start).collect();
    let next = starts.into_iter().skip(1).chain([usize::MAX]);
    let members = parts.into_iter().zip(next).filter_map(|(part, next)| {
        let (range, path, id) = part;
        let is_alone = end <= range.start && range.end <= next;
        end = end.max(range.end);
        let shape = layout.shape(id);
        let Kind::Enum(values) = &shape.kind else {
            return None;
        };
        let bits = match unnamed_of(values) {
            Unnamed::Wrong => 0,
            Unnamed::Bits(bits) => bits,
            Unnamed::Valid => return None,
        };
        (is_alone && !values.is_empty()).then(|| Member {
            path,
            name: shape.name.clone(),
            range,
            values: values.clone(),
            bits,
        })
    });
    members.collect()
}

/// The numbers without a name that an enumeration takes for valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unnamed {
    /// None: the names are all cases.
    Wrong,
    /// Combinations of these bits.
    Bits(u64),
    /// All: the names are some numbers of a longer list, as of IP protocols.
    Valid,
}

/// Bits are valid in combination if every value is a combination of the single bits among the values, and the values are
/// not just counted, as 0, 1 and 2 are.
fn unnamed_of(values: &[Enumerator]) -> Unnamed {
    let numbers = || values.iter().map(|one| one.value);
    let (least, most) = (numbers().min(), numbers().max());
    let span = least.zip(most).map(|(least, most)| most.abs_diff(least));
    let (span, count) = (span.unwrap_or_default(), values.len() as u64);
    let bits = numbers().map(i64::cast_unsigned);
    let bits = bits.filter(|number| number.is_power_of_two());
    let bits = bits.fold(0, |all, bit| all | bit);
    if span < count {
        Unnamed::Wrong
    } else if numbers().all(|number| number.cast_unsigned() & !bits == 0) {
        Unnamed::Bits(bits)
    } else if count >= MIN_LISTED && span >= 2 * count {
        Unnamed::Valid
    } else {
        Unnamed::Wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_which_other_numbers_are_valid() {
        for (values, expected) in [
            (&[0, 1, 2][..], Unnamed::Wrong),
            (&[1, 2], Unnamed::Wrong),
            (&[0, 1, 2, 3, 4], Unnamed::Wrong),
            (&[0, 7], Unnamed::Wrong),
            (&[0, 3, 5], Unnamed::Wrong),
            (&[-1, 0, 1], Unnamed::Wrong),
            (&[i64::MIN, i64::MAX], Unnamed::Wrong),
            (&[1, 2, 4], Unnamed::Bits(7)),
            (&[0, 1, 2, 4, 8], Unnamed::Bits(15)),
            (&[1, 4, 5], Unnamed::Bits(5)),
            (&[0, 1, 2, 4, 7], Unnamed::Bits(7)),
            (&[0, 1, 6, 17, 58], Unnamed::Valid),
        ] {
            let name = || "X".into();
            let values: Vec<_> = values
                .iter()
                .map(|&value| Enumerator {
                    name: name(),
                    value,
                })
                .collect();
            assert_eq!(unnamed_of(&values), expected, "{values:?}");
        }
    }
}
