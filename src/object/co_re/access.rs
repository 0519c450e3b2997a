//! Accesses: paths from a type to one of its members.

use super::super::btf::{Btf, Type};

/// Maximum number of steps of an access, as in libbpf (`BPF_CORE_SPEC_MAX_LEN`).
const MAX_STEPS: usize = 64;

/// A step of an access, from a type to one of its parts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// From a struct to a member, by name. Members of an anonymous struct count as members of the struct around it.
    Member {
        name: &'a str,
        /// The member's type in the object's BTF.
        type_id: u32,
    },
    /// From an array to the element with this index.
    Element(u32),
}

/// An access, as the object's BTF defines it.
#[derive(Debug)]
pub(super) struct Access<'a> {
    /// Index of the element if the pointer is used as an array; usually 0.
    pub(super) first: u32,
    pub(super) steps: Vec<Step<'a>>,
}

/// Position and type of an accessed part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) bit_offset: u64,
    /// The width of a bit-field in bits; `None` for an ordinary member.
    pub(super) bit_size: Option<u32>,
    pub(super) type_id: u32,
}

impl<'a> Access<'a> {
    /// Parses the access string `text`, such as `0:1:2`; `None` if the type has no such part.
    pub(super) fn read(btf: &'a Btf, type_id: u32, text: &str) -> Option<Self> {
        let mut numbers = text.split(':').map(|number| number.parse::<u32>().ok());
        let first = numbers.next()??;
        let mut steps = Vec::new();
        let mut id = type_id;
        for number in numbers {
            let number = number?;
            match btf.resolve(id).ok()?.1 {
                Type::Composite(composite) => {
                    let member = composite.members().nth(usize::try_from(number).ok()?)?;
                    id = member.type_id;
                    // An anonymous member is not a step, because its members are found by their names.
                    if !member.name.is_empty() {
                        let name = member.name;
                        steps.push(Step::Member { name, type_id: id });
                    }
                }
                Type::Array { element, .. } => {
                    id = element;
                    steps.push(Step::Element(number));
                }
                _ => return None,
            }
            if steps.len() > MAX_STEPS {
                return None;
            }
        }
        Some(Self { first, steps })
    }

    /// Follows the access, whose types are in `local`, from the type `root` of `btf`. `None` if `root` has no such part.
    pub(super) fn follow(&self, local: &Btf, btf: &Btf, root: u32) -> Option<Place> {
        let mut place = Place {
            bit_offset: offset_of_element(btf, root, self.first)?,
            bit_size: None,
            type_id: root,
        };
        for step in &self.steps {
            place = match *step {
                Step::Member { name, type_id } => {
                    let member = btf.member(place.type_id, name)?;
                    if !are_compatible(local, type_id, btf, member.type_id) {
                        return None;
                    }
                    Place {
                        bit_offset: place.bit_offset.checked_add(member.bit_offset.into())?,
                        bit_size: member.bit_size,
                        type_id: member.type_id,
                    }
                }
                Step::Element(number) => {
                    let Type::Array { element, count } = btf.resolve(place.type_id).ok()?.1 else {
                        return None;
                    };
                    // A flexible array has the count 0.
                    if number >= count && count > 0 {
                        return None;
                    }
                    Place {
                        bit_offset: place
                            .bit_offset
                            .checked_add(offset_of_element(btf, element, number)?)?,
                        bit_size: None,
                        type_id: element,
                    }
                }
            };
        }
        Some(place)
    }
}

/// Offset of element `number` of an array of this type, in bits.
fn offset_of_element(btf: &Btf, element: u32, number: u32) -> Option<u64> {
    if number == 0 {
        return Some(0);
    }
    let size = btf.size_of(element).ok()?;
    Some(u64::from(size) * u64::from(number)).and_then(|bytes| bytes.checked_mul(8))
}

/// True if a member of one type can be read as a member of the other: both are integers, both are structs, and so on
/// (`bpf_core_fields_are_compat` in libbpf).
fn are_compatible(local: &Btf, mut one: u32, kernel: &Btf, mut other: u32) -> bool {
    for _ in 0..MAX_STEPS {
        let (Ok((_, left)), Ok((_, right))) = (local.resolve(one), kernel.resolve(other)) else {
            return false;
        };
        match (left, right) {
            (Type::Array { element: left, .. }, Type::Array { element: right, .. }) => {
                (one, other) = (left, right);
            }
            (Type::Enum(left), Type::Enum(right)) => return are_same(left.name, right.name),
            (Type::Forward { name: left }, Type::Forward { name: right }) => {
                return are_same(left, right);
            }
            (Type::Composite(_), Type::Composite(_))
            | (Type::Int(_), Type::Int(_))
            | (Type::Pointer { .. }, Type::Pointer { .. })
            | (Type::Float { .. }, Type::Float { .. }) => return true,
            _ => return false,
        }
    }
    // More nested arrays than MAX_STEPS, as in a cycle.
    false
}

/// True if the names are equal without their flavors, or one type has no name.
fn are_same(one: &str, other: &str) -> bool {
    one.is_empty() || other.is_empty() || essential(one) == essential(other)
}

/// The name without its flavor. `___older` is the flavor of `struct task___older`, a program's own version of `struct
/// task`.
pub(super) fn essential(name: &str) -> &str {
    match name.rfind("___") {
        Some(at @ 1..) => name.get(..at).unwrap_or(name),
        _ => name,
    }
}
