//! The types of the kernel that a type of the object may stand for.

use std::collections::BTreeMap;

use super::super::btf::{Btf, Enum, Type};
use super::access::{Access, essential};
use super::{Kind, Relocation, Value, field};

/// Two types of the kernel give different values.
pub(super) struct Ambiguous;

/// The types of the kernel by name, as far as they were asked for.
pub(super) struct Candidates<'a> {
    local: &'a Btf,
    kernel: &'a Btf,
    /// The kernel's types for each type of the object.
    found: BTreeMap<u32, Vec<u32>>,
}

impl<'a> Candidates<'a> {
    pub(super) const fn new(local: &'a Btf, kernel: &'a Btf) -> Self {
        Self {
            local,
            kernel,
            found: BTreeMap::new(),
        }
    }

    /// The value for the kernel; `None` where nothing can stand for what the kernel lacks.
    pub(super) fn value(&mut self, relocation: &Relocation) -> Result<Option<Value>, Ambiguous> {
        let (local, kernel) = (self.local, self.kernel);
        let types = self.found.entry(relocation.type_id);
        let types = types.or_insert_with(|| named(local, relocation.type_id, kernel));
        let mut values = types
            .iter()
            .filter_map(|&root| value(relocation, local, kernel, root));
        let Some(first) = values.next() else {
            return Ok(relocation.kind.missing().map(Value::number));
        };
        // The id alone differs for types that are the same in several files of the kernel.
        let differs = |other| other != first && relocation.kind != Kind::TypeIdTarget;
        if values.any(differs) {
            return Err(Ambiguous);
        }
        Ok(Some(first))
    }
}

/// The types of `kernel` with the name and kind of `type_id`, which is one of `local`.
fn named(local: &Btf, type_id: u32, kernel: &Btf) -> Vec<u32> {
    let Some((class, name)) = local.get(type_id).and_then(class) else {
        return Vec::new();
    };
    let name = essential(name);
    let alike = |(id, found)| {
        let same = class_of_candidate(found) == Some((class, name));
        same.then_some(id)
    };
    kernel.iter().filter_map(alike).collect()
}

/// Kind and name of a type that the kernel can have under the same name.
fn class(found: Type<'_>) -> Option<(u8, &str)> {
    Some(match found {
        Type::Composite(one) => (u8::from(one.union), one.name),
        Type::Enum(one) => (2, one.name),
        Type::Typedef { name, .. } => (3, name),
        Type::Int(one) => (4, one.name),
        Type::Float { name, .. } => (5, name),
        _ => return None,
    })
    .filter(|(_, name)| !name.is_empty())
}

fn class_of_candidate(found: Type<'_>) -> Option<(u8, &str)> {
    class(found).map(|(class, name)| (class, essential(name)))
}

/// The value of a relocation if `root`, a type of `btf`, stands for its type; `None` if it does not fit.
pub(super) fn value(relocation: &Relocation, local: &Btf, btf: &Btf, root: u32) -> Option<Value> {
    let Relocation {
        kind,
        type_id,
        ref access,
        ..
    } = *relocation;
    match kind {
        Kind::TypeIdTarget => Some(Value::number(root.into())),
        Kind::TypeExists => are_alike(local, type_id, btf, root).then(|| Value::number(1)),
        Kind::TypeSize if are_alike(local, type_id, btf, root) => {
            Some(Value::number(btf.size_of(root).ok()?.into()))
        }
        Kind::TypeSize => None,
        Kind::EnumeratorExists | Kind::EnumeratorValue => {
            let number = access.parse().ok()?;
            let name = enumeration(local, type_id)?.enumerators().nth(number)?.name;
            let mut all = enumeration(btf, root)?.enumerators();
            let found = all.find(|one| essential(one.name) == essential(name))?;
            Some(Value::number(match kind {
                Kind::EnumeratorExists => 1,
                _ => found.value.cast_unsigned(),
            }))
        }
        _ => {
            let place = Access::read(local, type_id, access)?.follow(local, btf, root)?;
            field::value(btf, place, kind)
        }
    }
}

fn enumeration(btf: &Btf, id: u32) -> Option<Enum<'_>> {
    match btf.resolve(id).ok()?.1 {
        Type::Enum(enumeration) => Some(enumeration),
        _ => None,
    }
}

/// True if both types are of one kind, behind their typedefs.
fn are_alike(local: &Btf, one: u32, btf: &Btf, other: u32) -> bool {
    let kinds = (local.resolve(one), btf.resolve(other));
    match kinds {
        (Ok((_, Type::Composite(one))), Ok((_, Type::Composite(other)))) => {
            one.union == other.union
        }
        (Ok((_, one)), Ok((_, other))) => {
            std::mem::discriminant(&one) == std::mem::discriminant(&other)
        }
        _ => false,
    }
}
