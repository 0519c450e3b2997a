//! A `.BTF` section: any bytes are refused, or hold types that can all be looked at.

use corexdp::object::{Btf, Type};

use super::{memory, saying};

/// What a byte may cost: a copy of it, and where each type of 12 bytes begins; either may have grown to twice that.
const MEMORY_FACTOR: usize = 8;
/// How many types are asked for their members by name; each question looks at up to 65536 members.
const ASKED: usize = 16;

/// Tries one section.
pub fn run(input: &[u8]) {
    let most = MEMORY_FACTOR * input.len() + (4 << 10);
    match memory::within(most, || Btf::parse(input)) {
        Ok(btf) => look_at_all(&btf),
        Err(error) => saying::is_one_line(&error.to_string()),
    }
}

/// Looks at every type.
pub(super) fn look_at_all(btf: &Btf) {
    assert_eq!(btf.get(btf.end()), None);
    let mut composites = 0;
    for id in 0..btf.end() {
        let found = btf.get(id).expect("every id has a type");
        check_ends(btf, id);
        match found {
            Type::Composite(composite) => {
                let named = composite.members().find(|member| !member.name.is_empty());
                assert!(composite.members().all(|member| member.type_id < btf.end()));
                composites += 1;
                if let Some(member) = named.filter(|_| composites <= ASKED) {
                    let found = btf.member(id, member.name).map(|found| found.name);
                    assert!(found.is_none_or(|found| found == member.name));
                    assert_eq!(btf.member(id, "\0"), None);
                }
            }
            Type::Enum(enumeration) => {
                assert!(
                    enumeration
                        .enumerators()
                        .all(|one| !one.name.contains('\0'))
                );
            }
            Type::Section(section) => {
                assert!(section.variables().all(|variable| variable < btf.end()));
            }
            _ => {}
        }
    }
}

/// A walk from any type comes to an end.
fn check_ends(btf: &Btf, id: u32) {
    match btf.resolve(id) {
        Ok((end, found)) => {
            assert_eq!(btf.get(end), Some(found));
            assert!(!matches!(
                found,
                Type::Typedef { .. } | Type::Modifier { .. }
            ));
        }
        Err(error) => saying::is_one_line(&error.to_string()),
    }
    if let Err(error) = btf.size_of(id) {
        saying::is_one_line(&error.to_string());
    }
}
