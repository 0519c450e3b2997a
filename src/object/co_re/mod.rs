//! CO-RE relocations: values in instructions that depend on the types of the running kernel, such as the offset of a
//! member (kernel documentation: `bpf/llvm_reloc.rst`).
//!
//! Every access to a struct of `vmlinux.h` has a relocation. The [`fixed`] types, the context of an XDP program and packet
//! headers, are the same in every kernel, so that the compiler's values are right. All other relocations wait for
//! [`resolve`] with the kernel's BTF. It works as in libbpf: types and members are found by their names. An instruction
//! whose member is missing is *poisoned*: replaced by one that the verifier refuses if the program can reach it.

mod access;
mod field;
mod fixed;
mod patch;
mod section;
mod target;

pub use patch::POISON;
pub(super) use section::collect;

use super::btf::Btf;
use super::error::Error;
use super::insn::Insn;
use target::Candidates;

/// A relocation that needs the types of the running kernel.
#[derive(Clone, Debug)]
pub(super) struct Relocation {
    /// Slot of the instruction in the linked program.
    slot: usize,
    /// Id of the accessed type in the object's BTF.
    type_id: u32,
    kind: Kind,
    /// The access string: indices of members and elements, such as `0:1:2`, or the index of an enumerator.
    access: Box<str>,
}

/// The kinds of relocations (`enum bpf_core_relo_kind`) that depend on the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ByteOffset,
    ByteSize,
    FieldExists,
    Signed,
    ShiftLeft,
    ShiftRight,
    TypeIdTarget,
    TypeExists,
    TypeSize,
    EnumeratorExists,
    EnumeratorValue,
}

impl Kind {
    /// The kind with this number; `None` for any other kind.
    const fn of(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::ByteOffset,
            1 => Self::ByteSize,
            2 => Self::FieldExists,
            3 => Self::Signed,
            4 => Self::ShiftLeft,
            5 => Self::ShiftRight,
            7 => Self::TypeIdTarget,
            8 => Self::TypeExists,
            9 => Self::TypeSize,
            10 => Self::EnumeratorExists,
            11 => Self::EnumeratorValue,
            _ => return None,
        })
    }

    /// The value if the kernel has no such type, member or enumerator; `None` if the instruction must be poisoned.
    const fn missing(self) -> Option<u64> {
        match self {
            Self::FieldExists
            | Self::TypeExists
            | Self::TypeSize
            | Self::TypeIdTarget
            | Self::EnumeratorExists => Some(0),
            _ => None,
        }
    }
}

/// The value of a relocation, computed from the object's types or from the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Value {
    number: u64,
    /// The width of the accessed number, if the instruction loads or stores it.
    width: Option<Width>,
}

/// Size of a number in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Width {
    bytes: u32,
    /// True for pointers and unsigned integers. Their value does not depend on the width of the load.
    unsigned: bool,
}

impl Value {
    const fn number(number: u64) -> Self {
        Self {
            number,
            width: None,
        }
    }
}

/// Patches the instructions with the values for a kernel with the types `kernel`.
///
/// # Errors
/// When two types of the kernel match and give different values, or when a value does not fit its instruction.
pub(super) fn resolve(
    insns: &mut [Insn],
    relocations: &[Relocation],
    local: &Btf,
    kernel: &Btf,
) -> Result<(), Error> {
    let candidates = Candidates::new(local, kernel, relocations);
    for relocation in relocations {
        let wrong = |what: &str| {
            let slot = relocation.slot;
            let name = local.describe(relocation.type_id);
            Error::file(format!(
                "CO-RE relocation of instruction {slot}, type {name}: {what}"
            ))
        };
        let own = target::value(relocation, local, local, relocation.type_id);
        let own = own.ok_or_else(|| wrong("the access is damaged; compile the object again"))?;
        let found = candidates.value(relocation).map_err(|_| {
            wrong("this kernel has several types of this name, which give different values")
        })?;
        patch::patch(insns, relocation, own, found).map_err(wrong)?;
    }
    Ok(())
}
