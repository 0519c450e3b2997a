//! BTF-defined maps: variables in section `.maps` whose types are the definitions (`bpf_helpers.h`).
//!
//! `__uint(name, N)` is a pointer to an array of N, `__type(name, T)` a pointer to T, `__array(name, T)` an array of
//! pointers to T, and `__ulong(name, N)` an enumeration with the one value N.

use super::btf::{Btf, Composite, Member, Type};
use super::elf::{Elf, Section, Symbol};
use super::error::{Error, Quoted};
use super::map_def::MapDef;
use super::map_kind::MapKind;
use super::maps::{Extent, ParsedMap, symbols_in};
use crate::base::hex::Count;

/// Maximum number of members of a definition. 12 names are defined.
const MAX_MEMBERS: usize = 16;

/// Reads the maps of the section `.maps`.
pub(super) fn read(
    elf: &Elf,
    btf: Option<&Btf>,
    section: &Section,
) -> Result<Vec<ParsedMap>, Error> {
    let types = btf.and_then(|btf| Some((btf, btf.section(section.name)?)));
    let Some((btf, types)) = types else {
        return Err(Error::section(
            section.name,
            "the object has no types for its maps; compile with -g",
        ));
    };
    let variables: Vec<_> = types
        .variables()
        .filter_map(|id| match btf.get(id) {
            Some(Type::Variable { name, target }) => Some((name, target)),
            _ => None,
        })
        .collect();
    let symbols = symbols_in(elf, section)?;
    let mut parsed = Vec::with_capacity(symbols.len());
    for symbol in &symbols {
        let Some(&(name, target)) = variables.iter().find(|(name, _)| *name == symbol.name) else {
            return Err(Error::map(
                symbol.name,
                "has no type information; compile the file that defines it with -g",
            ));
        };
        let Type::Composite(composite) = btf.resolve(target)?.1 else {
            return Err(Error::map(
                name,
                "is not a struct; a map in `.maps` is a struct of __uint and __type members",
            ));
        };
        let definition = Definition::read(btf, name, composite, Nesting::Outer)?;
        parsed.push(definition.into_parsed(symbol));
    }
    Ok(parsed)
}

/// Size and type of the key or the value, as far as the members define them.
#[derive(Clone, Copy, Default)]
struct KeyOrValue {
    /// Size in bytes.
    size: Option<u32>,
    /// BTF type id; 0 without a type.
    type_id: u32,
}

/// Level of a definition: a map, or the inner map of a map-in-map.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Outer,
    Inner,
}

/// A map definition that is being read.
struct Definition<'a> {
    btf: &'a Btf,
    def: MapDef,
    key: KeyOrValue,
    value: KeyOrValue,
    /// Offset of the member `values` in the struct, in bytes.
    values_at: Option<u64>,
}

impl<'a> Definition<'a> {
    /// Reads the members of a map's struct.
    fn read(
        btf: &'a Btf,
        name: &str,
        composite: Composite,
        nesting: Nesting,
    ) -> Result<Self, Error> {
        let mut definition = Self {
            btf,
            def: MapDef::new(name),
            key: KeyOrValue::default(),
            value: KeyOrValue::default(),
            values_at: None,
        };
        let members = composite.members().count();
        if members > MAX_MEMBERS {
            return Err(definition.error(format!(
                "has {members} members; a definition has at most {MAX_MEMBERS}"
            )));
        }
        for member in composite.members() {
            definition.read_member(member, nesting)?;
        }
        let kind = definition.def.kind;
        if definition.values_at.is_some() && !kind.is_map_in_map() && kind != MapKind::PROG_ARRAY {
            return Err(definition.error(format!(
                "has `values`, which only a map of maps has; its type is {kind}"
            )));
        }
        Ok(definition)
    }

    fn into_parsed(self, symbol: &Symbol) -> ParsedMap {
        let extent = Extent {
            offset: symbol.value,
            size: symbol.size,
            values_at: self.values_at,
        };
        let def = self.finish();
        ParsedMap { def, extent }
    }

    fn finish(mut self) -> MapDef {
        self.def.key_size = self.key.size.unwrap_or(0);
        self.def.value_size = self.value.size.unwrap_or(0);
        let types = (self.key.type_id, self.value.type_id);
        self.def.btf_types = (types != (0, 0)).then_some(types);
        self.def
    }

    fn error(&self, what: String) -> Error {
        Error::map(&self.def.name, what)
    }

    fn read_member(&mut self, member: Member, nesting: Nesting) -> Result<(), Error> {
        match member.name {
            "type" => self.def.kind = MapKind(self.number(member)?),
            "max_entries" => self.def.max_entries = self.number(member)?,
            "map_flags" => self.def.flags = self.number(member)?,
            "numa_node" => self.def.numa_node = Some(self.number(member)?),
            "map_extra" => self.def.map_extra = self.long_number(member)?,
            "pinning" => self.def.pinned = self.number(member)? != 0,
            "key_size" => self.key = self.sized(member.name, self.key, self.number(member)?, 0)?,
            "value_size" => {
                self.value = self.sized(member.name, self.value, self.number(member)?, 0)?;
            }
            "key" => {
                let (type_id, size) = self.pointee(member)?;
                self.key = self.sized(member.name, self.key, size, type_id)?;
            }
            "value" => {
                let (type_id, size) = self.pointee(member)?;
                self.value = self.sized(member.name, self.value, size, type_id)?;
            }
            "values" if nesting == Nesting::Outer => self.read_values(member)?,
            "values" => {
                return Err(
                    self.error("is a map of maps of maps; the kernel has only two levels".into())
                );
            }
            other => {
                return Err(self.error(format!(
                    "has a member {}, which corexdp does not know",
                    Quoted(other)
                )));
            }
        }
        Ok(())
    }

    /// `part` with the size and, unless `type_id` is 0, the type that the member `name` gives.
    ///
    /// # Errors
    /// When another member gave another size.
    fn sized(
        &self,
        name: &str,
        part: KeyOrValue,
        size: u32,
        type_id: u32,
    ) -> Result<KeyOrValue, Error> {
        match part.size {
            Some(other) if other != size => Err(self.error(format!(
                "`{name}` has {}, but another member says {other}; remove one of them",
                Count(size as usize)
            ))),
            _ => Ok(KeyOrValue {
                size: Some(size),
                type_id: type_id.max(part.type_id),
            }),
        }
    }

    /// The type to which a member points.
    fn target(&self, member: Member) -> Result<u32, Error> {
        match self.btf.resolve(member.type_id)?.1 {
            Type::Pointer { target } => Ok(target),
            _ => Err(self.error(format!(
                "`{}` is not made with __uint or __type",
                member.name
            ))),
        }
    }

    /// The number of an `__uint` member.
    fn number(&self, member: Member) -> Result<u32, Error> {
        match self.btf.resolve(self.target(member)?)?.1 {
            Type::Array { count, .. } => Ok(count),
            _ => Err(self.error(format!("`{}` is not made with __uint", member.name))),
        }
    }

    /// The number of an `__uint` or `__ulong` member.
    fn long_number(&self, member: Member) -> Result<u64, Error> {
        match self.btf.resolve(member.type_id)?.1 {
            Type::Enum(values) => values
                .enumerators()
                .next()
                .map(|only| only.value.cast_unsigned()),
            _ => Some(u64::from(self.number(member)?)),
        }
        .ok_or_else(|| {
            self.error(format!(
                "`{}` is not made with __uint or __ulong",
                member.name
            ))
        })
    }

    /// Type id and size of a `__type` member's type.
    fn pointee(&self, member: Member) -> Result<(u32, u32), Error> {
        let target = self.target(member)?;
        match self.btf.size_of(target) {
            Ok(size) => Ok((target, size)),
            Err(cause) => Err(self.error(format!("`{}` has no size: {cause}", member.name))),
        }
    }

    /// Reads `__array(values, …)`: the definition of inner maps, or a function prototype for a `prog_array`.
    fn read_values(&mut self, member: Member) -> Result<(), Error> {
        let error = || self.error("`values` is not made with __array(values, struct { … })".into());
        let Type::Array { element, .. } = self.btf.resolve(member.type_id)?.1 else {
            return Err(error());
        };
        let Type::Pointer { target } = self.btf.resolve(element)?.1 else {
            return Err(error());
        };
        let inner = match self.btf.resolve(target)?.1 {
            Type::Composite(inner) => {
                let name = format!("{}.inner", self.def.name);
                let definition = Self::read(self.btf, &name, inner, Nesting::Inner)?;
                Some(Box::new(definition.finish()))
            }
            Type::Prototype => None,
            _ => return Err(error()),
        };
        self.def.inner = inner;
        self.values_at = Some(u64::from(member.bit_offset / 8));
        self.value = self.sized("values", self.value, 4, 0)?;
        Ok(())
    }
}
