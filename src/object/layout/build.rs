//! Builds a layout from BTF.

use super::name::{plain, type_name};
use super::{Enumerator, Kind, Layout, Member, Shape, ShapeId};
use crate::object::btf::{Btf, Composite, DataSection, Int, Type};

/// Maximum number of types in a layout. The limit bounds the linear search for a type.
const MAX_SHAPES: usize = 512;
/// Maximum number of members and enumerators in all types of a layout together.
const MAX_NAMES: usize = 1 << 12;
/// Start of the declaration tag that limits a member's number: `at most NUMBER`.
const AT_MOST: &str = "at most ";
/// Maximum depth of nested anonymous structs, as in [`Btf::resolve`].
const MAX_DEPTH: usize = 32;

impl Layout {
    /// The layout of a type; `None` if the type has no size, or more parts than a real type has.
    pub fn of(btf: &Btf, type_id: u32) -> Option<Self> {
        let limits = btf.member_tags().filter_map(|(text, id, member)| {
            let max = text.strip_prefix(AT_MOST)?.parse().ok()?;
            Some(((id, member), max))
        });
        let mut builder = Builder {
            btf,
            limits: limits.collect(),
            ids: Vec::new(),
            names: 0,
        };
        builder.id(type_id)?;
        let mut shapes = Vec::new();
        while let Some(&id) = builder.ids.get(shapes.len()) {
            shapes.push(builder.shape(id)?);
        }
        Some(Self { shapes })
    }

    /// The layout of `size` bytes without a type: a number of 1, 2, 4 or 8 bytes, otherwise opaque bytes.
    pub fn bytes(size: u32) -> Self {
        let kind = match size {
            1 | 2 | 4 | 8 => Kind::Number {
                signed: false,
                big_endian: false,
            },
            _ => Kind::Opaque,
        };
        Self::only("of no known type", size, kind)
    }

    /// The layout of `size` bytes of text that have the type `name`.
    pub fn text(name: &str, size: u32) -> Self {
        Self::only(name, size, Kind::Text)
    }

    fn only(name: &str, size: u32, kind: Kind) -> Self {
        let name = name.into();
        Self {
            shapes: vec![Shape { name, size, kind }],
        }
    }
}

struct Builder<'a> {
    btf: &'a Btf,
    /// Maxima of members. A member is identified by the type id of its struct and its index.
    limits: Vec<((u32, u32), u64)>,
    /// BTF type ids of finished and queued shapes, by shape id.
    ids: Vec<u32>,
    /// Number of members and enumerators so far.
    names: usize,
}

impl Builder<'_> {
    /// Shape id of a type. A new type is added to the queue.
    fn id(&mut self, type_id: u32) -> Option<ShapeId> {
        let known = self.ids.iter().position(|&id| id == type_id);
        let at = known.unwrap_or(self.ids.len());
        if known.is_none() {
            self.ids.push(type_id);
        }
        (at < MAX_SHAPES).then_some(ShapeId(at))
    }

    fn shape(&mut self, id: u32) -> Option<Shape> {
        Some(Shape {
            name: type_name(self.btf, id)?,
            size: self.btf.size_of(id).ok()?,
            kind: self.kind(id)?,
        })
    }

    fn kind(&mut self, id: u32) -> Option<Kind> {
        let (resolved, found) = self.btf.resolve(id).ok()?;
        Some(match found {
            Type::Int(int) => self.number(id, int),
            Type::Enum(values) => {
                let mut enumerators = Vec::new();
                for one in values.enumerators() {
                    enumerators.push(Enumerator {
                        name: self.name(one.name)?,
                        value: one.value,
                    });
                }
                match values.size {
                    1 | 2 | 4 | 8 => Kind::Enum(enumerators),
                    _ => Kind::Opaque,
                }
            }
            Type::Array { element, .. } if self.is_char(element) => Kind::Text,
            Type::Array { element, count } => Kind::Array {
                element: self.id(element)?,
                count,
            },
            Type::Composite(composite) => {
                let mut members = Vec::new();
                self.members((resolved, composite), 0, MAX_DEPTH, &mut members)?;
                Kind::Composite(members)
            }
            Type::Section(section) => Kind::Composite(self.variables(section)?),
            _ => Kind::Opaque,
        })
    }

    fn number(&self, id: u32, int: Int<'_>) -> Kind {
        match int.size {
            _ if int.bits != int.size.saturating_mul(8) => Kind::Opaque,
            1 if int.boolean => Kind::Bool,
            1 | 2 | 4 | 8 => Kind::Number {
                signed: int.signed,
                big_endian: self.is_big_endian(id),
            },
            _ => Kind::Opaque,
        }
    }

    fn is_big_endian(&self, mut id: u32) -> bool {
        // The loop ends: `kind` has resolved the chain of typedefs before.
        loop {
            match self.btf.get(id) {
                Some(Type::Typedef {
                    name: "__be16" | "__be32" | "__be64",
                    ..
                }) => return true,
                Some(Type::Typedef { target, .. } | Type::Modifier { target }) => id = target,
                _ => return false,
            }
        }
    }

    fn is_char(&self, id: u32) -> bool {
        let resolved = self.btf.resolve(id);
        matches!(resolved, Ok((_, Type::Int(int))) if int.name == "char" && int.size == 1)
    }

    fn members(
        &mut self,
        (id, composite): (u32, Composite<'_>),
        base: u32,
        depth_left: usize,
        out: &mut Vec<Member>,
    ) -> Option<()> {
        for (member, index) in composite.members().zip(0u32..) {
            let bit_offset = base.checked_add(member.bit_offset)?;
            if !member.name.is_empty() {
                let bits = match member.bit_size {
                    None if bit_offset % 8 != 0 => Some(0),
                    bits => bits,
                };
                out.push(Member {
                    name: self.name(member.name)?,
                    bit_offset,
                    bits,
                    shape: self.id(member.type_id)?,
                    max: self.max_of((id, index)),
                });
            } else if let Ok((id, Type::Composite(inner))) = self.btf.resolve(member.type_id) {
                self.members((id, inner), bit_offset, depth_left.checked_sub(1)?, out)?;
            }
        }
        Some(())
    }

    fn max_of(&self, member: (u32, u32)) -> Option<u64> {
        let limit = self.limits.iter().find(|(tagged, _)| *tagged == member);
        limit.map(|(_, max)| *max)
    }

    /// The variables of a section, as members.
    fn variables(&mut self, section: DataSection<'_>) -> Option<Vec<Member>> {
        let mut members = Vec::new();
        for (id, offset) in section.places() {
            let Some(Type::Variable { name, target }) = self.btf.get(id) else {
                continue;
            };
            members.push(Member {
                name: self.name(name)?,
                bit_offset: offset.checked_mul(8)?,
                bits: None,
                shape: self.id(target)?,
                max: None,
            });
        }
        members.sort_unstable_by_key(|member| member.bit_offset);
        Some(members)
    }

    fn name(&mut self, name: &str) -> Option<Box<str>> {
        self.names += 1;
        (self.names <= MAX_NAMES).then(|| plain(name).into())
    }
}
