//! `.BTF` sections: any bytes are rejected, or every type can be read.

use corexdp::object::{Btf, Type};

use super::{memory, message};

/// Bytes of memory per byte of input: a copy, and the offset of each type of 12 bytes; both may have twice that
/// capacity.
const MEMORY_FACTOR: usize = 8;
/// Types whose members are looked up by name; each lookup searches up to 65536 members.
const MAX_LOOKUPS: usize = 16;

/// Panics unless `input` is rejected, or all its types can be read.
pub fn run(input: &[u8]) {
    let most = MEMORY_FACTOR * input.len() + (4 << 10);
    match memory::within(most, || Btf::parse(input)) {
        Ok(btf) => read_all(&btf),
        Err(error) => message::is_one_line(&error.to_string()),
    }
}

/// Reads every type.
pub(super) fn read_all(btf: &Btf) {
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
                if let Some(member) = named.filter(|_| composites <= MAX_LOOKUPS) {
                    let found = btf.member(id, member.name).map(|found| found.name);
                    assert!(found.is_none_or(|found| found == member.name));
                    assert_eq!(btf.member(id, "\0"), None);
                }
            }
            Type::Enum(enumeration) => {
                assert!(
                    enumeration
                        .enumerators()
                        .all(|enumerator| !enumerator.name.contains('\0'))
                );
            }
            Type::Section(section) => {
                assert!(section.variables().all(|variable| variable < btf.end()));
            }
            _ => {}
        }
    }
}

/// Resolving any type terminates.
fn check_ends(btf: &Btf, id: u32) {
    match btf.resolve(id) {
        Ok((end, found)) => {
            assert_eq!(btf.get(end), Some(found));
            assert!(!matches!(
                found,
                Type::Typedef { .. } | Type::Modifier { .. }
            ));
        }
        Err(error) => message::is_one_line(&error.to_string()),
    }
    if let Err(error) = btf.size_of(id) {
        message::is_one_line(&error.to_string());
    }
}
