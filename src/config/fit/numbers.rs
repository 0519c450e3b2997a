//! Warnings about numbers that the program does not accept in a member of a value: numbers that are not in the member's
//! enumeration, and numbers above the member's maximum. Typical causes are bytes at a wrong offset, and a value for
//! another version of the program.

use std::fmt::Display;
use std::ops::Range;

use super::line;
use crate::base::capacity::MAX_VALUE;
use crate::base::diagnostic::MAX_ERRORS;
use crate::base::escape::Escaped;
use crate::base::quantity::Quantity;
use crate::base::suggest::list;
use crate::config::Filter;
use crate::config::entries::{Entry, Value};
use crate::corefile::Corefile;
use crate::encode::Encoder;
use crate::encode::integer::Number;
use crate::object::layout::{Enumerator, Kind, Shape, ShapeId};
use crate::object::{Btf, Layout, MapDef, map_for_lines};

/// Minimum number of names of an enumeration that may be a part of a longer list, such as the list of IP protocols.
const MIN_LISTED: u64 = 4;

/// Passes to `report` a warning for each such number in the lines of `filter`: the first [`MAX_ERRORS`], then the number of
/// the omitted ones. The lines have passed [`super::check`].
pub fn warn_of_numbers(
    filter: &Filter,
    corefile: &Corefile,
    maps: &[MapDef],
    btf: Option<&Btf>,
    report: &mut dyn FnMut(&dyn Display),
) {
    let mut count = 0;
    for map_ref in &filter.maps {
        let Some(map) = map_for_lines(maps, &map_ref.name) else {
            continue;
        };
        let mut encoder = Encoder::new(map, btf);
        let members = encoder.value_layout().map(members).unwrap_or_default();
        if members.is_empty() {
            continue;
        }
        let lists = filter.lists.iter();
        let lists = lists.filter(|list| list.map == map_ref.id && !list.fields.is_empty());
        let lists = lists.map(|list| (list.as_entry(), "list"));
        let lines = filter.entries.of_map(map_ref.id, corefile);
        let lines = lines.map(|entry| (entry, entry.directive()));
        for (entry, directive) in lines.chain(lists) {
            let mut value = [0; MAX_VALUE];
            let size = line::value(corefile, &entry, &mut encoder, &mut value).unwrap_or_default();
            let value = value.get(..size).unwrap_or_default();
            let Some(at) = entry.at() else { continue };
            for (member, number) in rejected(&members, &entry, value) {
                if encoder.is_secret(&member.range) {
                    continue;
                }
                count += 1;
                if count > MAX_ERRORS {
                    continue;
                }
                let (file, line) = (Escaped(corefile.file(at)), at.line());
                let (path, reason) = (&member.path, member.reason());
                report(&format_args!(
                    "{file}:{line}: {directive}: {path} is {number}, {reason}"
                ));
            }
        }
    }
    if let Some(more @ 1..) = count.checked_sub(MAX_ERRORS) {
        report(&format_args!(
            "the program does not accept {}",
            Quantity(more as u64, "more number")
        ));
    }
}

/// The members of an entry's value with a number that the program does not accept, and the numbers.
fn rejected<'m>(
    members: &'m [Member],
    entry: &Entry<'_>,
    value: &[u8],
) -> impl Iterator<Item = (&'m Member, u64)> {
    // 0 in an `entry` line may be a member that the line does not name.
    let may_be_zero = matches!(entry.value, Value::Words(_));
    members.iter().filter_map(move |member| {
        let number = member.rejected(value)?;
        (number != 0 || !may_be_zero).then_some((member, number))
    })
}

/// A member of a value that does not accept every number.
struct Member {
    path: String,
    range: Range<usize>,
    accepted: Accepted,
}

/// The numbers that a member accepts.
enum Accepted {
    /// The values of an enumeration.
    Named {
        /// Name of the type in C.
        name: String,
        values: Vec<Enumerator>,
        /// Bits of valid numbers without a name.
        bits: u64,
    },
    /// All numbers up to `max`.
    UpTo { max: u64, big_endian: bool },
}

impl Member {
    /// The member's number in `value`, if the member does not accept it.
    fn rejected(&self, value: &[u8]) -> Option<u64> {
        let bytes = value.get(self.range.clone())?;
        let mut number = Number::little_endian(0, bytes.len());
        let (values, bits) = match &self.accepted {
            Accepted::Named { values, bits, .. } => (values, *bits),
            &Accepted::UpTo { max, big_endian } => {
                number.big_endian = big_endian;
                return Some(number.read(bytes)).filter(|number| *number > max);
            }
        };
        let number = number.read(bytes);
        let is_named = |one: &Enumerator| one.value.to_le_bytes().starts_with(bytes);
        if values.iter().any(is_named) {
            return None;
        }
        let is_combination = bits != 0 && number & !bits == 0;
        (!is_combination).then_some(number)
    }

    /// The reason for a rejected number, and the accepted numbers with their names.
    fn reason(&self) -> String {
        let (name, values) = match &self.accepted {
            Accepted::Named { name, values, .. } => (name, values.iter()),
            Accepted::UpTo { max, .. } => {
                return format!("more than the program accepts; the maximum is {max}");
            }
        };
        let names: Vec<_> = values
            .map(|one| format!("{} ({})", one.name, one.value))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let known = list(&names, " and ");
        format!("which has no name in {name}; the names are {known}")
    }
}

/// The members of a value that do not accept every number. Members of a union, which share bytes, are left out.
fn members(layout: &Layout) -> Vec<Member> {
    let mut parts: Vec<(Range<usize>, String, ShapeId, Option<u64>)> = Vec::new();
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
        // Bit-fields are left out, because `Number` reads whole bytes.
        if !has_parts && part.bits.is_none() {
            let start = part.offset as usize;
            let range = start..start.saturating_add(shape.size as usize);
            parts.push((range, part.path.to_owned(), part.shape, part.max));
        }
        has_parts
    });
    parts.sort_unstable_by_key(|(range, ..)| (range.start, range.end));
    let mut members = Vec::new();
    let mut end = 0;
    let mut parts = parts.into_iter().peekable();
    while let Some((range, path, id, max)) = parts.next() {
        let next = parts.peek().map_or(usize::MAX, |(next, ..)| next.start);
        let is_alone = end <= range.start && range.end <= next;
        end = end.max(range.end);
        if is_alone && let Some(accepted) = accepted(layout.shape(id), max) {
            members.push(Member {
                path,
                range,
                accepted,
            });
        }
    }
    members
}

/// The numbers that a member accepts; `None` if it accepts every number of its type.
fn accepted(shape: &Shape, max: Option<u64>) -> Option<Accepted> {
    let values = match shape.kind {
        Kind::Number {
            signed: false,
            big_endian,
        } => return max.map(|max| Accepted::UpTo { max, big_endian }),
        Kind::Enum(ref values) if !values.is_empty() => values,
        _ => return None,
    };
    let bits = match Unnamed::of(values) {
        Unnamed::Wrong => 0,
        Unnamed::Bits(bits) => bits,
        Unnamed::Valid => return None,
    };
    Some(Accepted::Named {
        name: shape.name.clone(),
        values: values.clone(),
        bits,
    })
}

/// The numbers without a name that an enumeration accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unnamed {
    /// No number: the names cover all cases.
    Wrong,
    /// Combinations of these bits.
    Bits(u64),
    /// All numbers: the names are a part of a longer list, such as the list of IP protocols.
    Valid,
}

impl Unnamed {
    /// Guesses from the named values. The values are bits if every value is a combination of the powers of two among them, and
    /// the values are not consecutive, as 0, 1 and 2 are.
    fn of(values: &[Enumerator]) -> Self {
        let numbers = || values.iter().map(|one| one.value);
        let (least, most) = (numbers().min(), numbers().max());
        let span = least.zip(most).map(|(least, most)| most.abs_diff(least));
        let (span, count) = (span.unwrap_or_default(), values.len() as u64);
        let bits = numbers().map(i64::cast_unsigned);
        let bits = bits.filter(|number| number.is_power_of_two());
        let bits = bits.fold(0, |all, bit| all | bit);
        if span < count {
            Self::Wrong
        } else if numbers().all(|number| number.cast_unsigned() & !bits == 0) {
            Self::Bits(bits)
        } else if count >= MIN_LISTED && span >= 2 * count {
            Self::Valid
        } else {
            Self::Wrong
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_which_unnamed_numbers_are_valid() {
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
            assert_eq!(Unnamed::of(&values), expected, "{values:?}");
        }
    }
}
