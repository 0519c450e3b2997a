//! Search for the types of the kernel that match a type of the object.

use super::super::btf::{Btf, Enum, Type};
use super::access::{Access, essential};
use super::{Kind, Relocation, Value, field};

/// Error: two types of the kernel match and give different values.
pub(super) struct Ambiguous;

/// The types of the kernel whose kind and name occur in relocations.
pub(super) struct Candidates<'a> {
    local: &'a Btf,
    kernel: &'a Btf,
    /// Type ids of the kernel, sorted by kind and name.
    named: Vec<((u8, &'a str), Vec<u32>)>,
}

impl<'a> Candidates<'a> {
    /// Finds the types of `kernel` for all relocations in one pass, because a kernel has about 150,000 types.
    pub(super) fn new(local: &'a Btf, kernel: &'a Btf, relocations: &[Relocation]) -> Self {
        let wanted = relocations
            .iter()
            .filter_map(|relocation| Some((class(local, relocation.type_id)?, Vec::new())));
        let mut named: Vec<(_, Vec<u32>)> = wanted.collect();
        named.sort_unstable_by_key(|(class, _)| *class);
        named.dedup_by_key(|(class, _)| *class);
        for id in 1..kernel.end() {
            let Some(class) = class(kernel, id) else {
                continue;
            };
            let index = named.binary_search_by_key(&class, |&(class, _)| class);
            if let Some((_, types)) = index.ok().and_then(|index| named.get_mut(index)) {
                types.push(id);
            }
        }
        Self {
            local,
            kernel,
            named,
        }
    }

    /// The value for the kernel; `None` if the kernel has no match and the instruction must be poisoned.
    pub(super) fn value(&self, relocation: &Relocation) -> Result<Option<Value>, Ambiguous> {
        let (local, kernel) = (self.local, self.kernel);
        let class = class(local, relocation.type_id);
        let index = class.and_then(|class| {
            let named = self.named.binary_search_by_key(&class, |&(class, _)| class);
            named.ok()
        });
        let types = index.and_then(|index| self.named.get(index));
        let mut values = types
            .into_iter()
            .flat_map(|(_, types)| types)
            .filter_map(|&root| value(relocation, local, kernel, root));
        let Some(first) = values.next() else {
            return Ok(relocation.kind.missing().map(Value::number));
        };
        // Equal types of several files of the kernel differ only in their ids.
        let differs = |other| other != first && relocation.kind != Kind::TypeIdTarget;
        if values.any(differs) {
            return Err(Ambiguous);
        }
        Ok(Some(first))
    }
}

/// Kind of a type, and its name without flavor; `None` for a type without a name.
fn class(btf: &Btf, id: u32) -> Option<(u8, &str)> {
    let (class, name) = match btf.get(id)? {
        Type::Composite(one) => (u8::from(one.union), one.name),
        Type::Enum(one) => (2, one.name),
        Type::Typedef { name, .. } => (3, name),
        Type::Int(one) => (4, one.name),
        Type::Float { name, .. } => (5, name),
        _ => return None,
    };
    (!name.is_empty()).then(|| (class, essential(name)))
}

/// The value of a relocation if `root`, a type of `btf`, takes the place of its type; `None` if `root` does not match.
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

/// True if both types have the same kind behind their typedefs.
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
