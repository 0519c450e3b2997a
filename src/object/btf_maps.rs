//! Maps defined in section `.maps`: variables whose types say everything (`bpf_helpers.h`).
//!
//! `__uint(name, N)` is a pointer to an array of N, `__type(name, T)` a pointer to T, `__array(name, T)` an array of
//! pointers to T, and `__ulong(name, N)` an enumeration whose one value is N.

use super::btf::{Btf, Composite, Member, Type};
use super::elf::{Elf, Section, Symbol};
use super::error::{Error, Quoted};
use super::map_def::MapDef;
use super::map_kind::MapKind;
use super::maps::{Found, symbols_in};

/// Most members taken; there are names for 12.
const MOST_MEMBERS: usize = 16;

/// The maps of the section.
pub(super) fn read(elf: &Elf, btf: Option<&Btf>, section: &Section) -> Result<Vec<Found>, Error> {
    let types = btf.and_then(|btf| Some((btf, btf.section(section.name)?)));
    let Some((btf, types)) = types else {
        return Err(Error::section(
            section.name,
            "its maps are defined by types, but the object has none for it; compile with -g",
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
    let mut found = Vec::with_capacity(symbols.len());
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
                "isn't a struct; a map in `.maps` is a struct of __uint and __type members",
            ));
        };
        found.push(found_at(
            symbol,
            Definition::read(btf, name, composite, true)?,
        ));
    }
    Ok(found)
}

fn found_at(symbol: &Symbol, definition: Definition) -> Found {
    let values_at = definition.values_at;
    Found {
        def: definition.finish(),
        offset: symbol.value,
        size: symbol.size,
        values_at,
    }
}

/// What is told of key or value.
#[derive(Clone, Copy, Default)]
struct Side {
    size: Option<u32>,
    type_id: u32,
}

/// A definition being read.
struct Definition<'a> {
    btf: &'a Btf,
    def: MapDef,
    key: Side,
    value: Side,
    /// Where in the struct its static initialisers begin.
    values_at: Option<u64>,
}

impl<'a> Definition<'a> {
    /// Reads the members of a map's struct. `outer` is false for the maps inside a map.
    fn read(btf: &'a Btf, name: &str, composite: Composite, outer: bool) -> Result<Self, Error> {
        let (key, value) = (Side::default(), Side::default());
        let mut definition = Self {
            btf,
            def: MapDef::new(name),
            key,
            value,
            values_at: None,
        };
        let members = composite.members().count();
        if members > MOST_MEMBERS {
            return Err(definition.wrong(format!(
                "has {members} members; a definition has at most {MOST_MEMBERS}"
            )));
        }
        for member in composite.members() {
            definition.member(member, outer)?;
        }
        let kind = definition.def.kind;
        if definition.values_at.is_some() && !kind.is_map_in_map() && kind != MapKind::PROG_ARRAY {
            return Err(definition.wrong(format!(
                "has `values`, which only a map of maps has; its type is {kind}"
            )));
        }
        Ok(definition)
    }

    fn finish(mut self) -> MapDef {
        self.def.key_size = self.key.size.unwrap_or(0);
        self.def.value_size = self.value.size.unwrap_or(0);
        let types = (self.key.type_id, self.value.type_id);
        self.def.btf_types = (types != (0, 0)).then_some(types);
        self.def
    }

    fn wrong(&self, what: String) -> Error {
        Error::map(&self.def.name, what)
    }

    fn member(&mut self, member: Member, outer: bool) -> Result<(), Error> {
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
            "values" if outer => self.values(member)?,
            "values" => {
                return Err(
                    self.wrong("is a map of maps of maps; the kernel has but two levels".into())
                );
            }
            other => {
                return Err(self.wrong(format!(
                    "has a member {}, which is not known here",
                    Quoted(other)
                )));
            }
        }
        Ok(())
    }

    /// `told` with this size and, unless it is 0, this type. Said twice, sizes must agree.
    fn sized(&self, what: &str, told: Side, size: u32, type_id: u32) -> Result<Side, Error> {
        match told.size {
            Some(other) if other != size => Err(self.wrong(format!(
                "`{what}` has {size} bytes, but another member says {other}; leave one of them out"
            ))),
            _ => Ok(Side {
                size: Some(size),
                type_id: type_id.max(told.type_id),
            }),
        }
    }

    /// The type a member points to.
    fn target(&self, member: Member) -> Result<u32, Error> {
        match self.btf.resolve(member.type_id)?.1 {
            Type::Pointer { target } => Ok(target),
            _ => Err(self.wrong(format!(
                "`{}` isn't made with __uint or __type",
                member.name
            ))),
        }
    }

    fn number(&self, member: Member) -> Result<u32, Error> {
        match self.btf.resolve(self.target(member)?)?.1 {
            Type::Array { count, .. } => Ok(count),
            _ => Err(self.wrong(format!("`{}` isn't made with __uint", member.name))),
        }
    }

    fn long_number(&self, member: Member) -> Result<u64, Error> {
        match self.btf.resolve(member.type_id)?.1 {
            Type::Enum(values) => values
                .enumerators()
                .next()
                .map(|only| only.value.cast_unsigned()),
            _ => Some(u64::from(self.number(member)?)),
        }
        .ok_or_else(|| {
            self.wrong(format!(
                "`{}` isn't made with __uint or __ulong",
                member.name
            ))
        })
    }

    /// The type behind `__type`, and its size.
    fn pointee(&self, member: Member) -> Result<(u32, u32), Error> {
        let target = self.target(member)?;
        match self.btf.size_of(target) {
            Ok(size) => Ok((target, size)),
            Err(cause) => Err(self.wrong(format!("`{}` has no size: {cause}", member.name))),
        }
    }

    /// `__array(values, …)`: what the maps inside look like, or that there are functions.
    fn values(&mut self, member: Member) -> Result<(), Error> {
        let wrong = || self.wrong("`values` isn't made with __array(values, struct { … })".into());
        let Type::Array { element, .. } = self.btf.resolve(member.type_id)?.1 else {
            return Err(wrong());
        };
        let Type::Pointer { target } = self.btf.resolve(element)?.1 else {
            return Err(wrong());
        };
        let inner = match self.btf.resolve(target)?.1 {
            Type::Composite(inner) => {
                let name = format!("{}.inner", self.def.name);
                Some(Box::new(
                    Self::read(self.btf, &name, inner, false)?.finish(),
                ))
            }
            Type::Prototype => None,
            _ => return Err(wrong()),
        };
        self.def.inner = inner;
        self.values_at = Some(u64::from(member.bit_offset / 8));
        self.value = self.sized("values", self.value, 4, 0)?;
        Ok(())
    }
}
