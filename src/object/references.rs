//! What an instruction's relocation refers to: a function to call, a map, a place in a data section.

use super::btf::{Btf, Type};
use super::elf::{Elf, Place, Relocation, Symbol, SymbolKind};
use super::error::{Error, Quoted};
use super::functions::Functions;
use super::insn::Insn;
use super::maps::{Maps, is_data};

/// `R_BPF_64_64`: a 64-bit constant; in old objects a call too.
const R_BPF_64_64: u32 = 1;
/// `R_BPF_64_32`: a call.
const R_BPF_64_32: u32 = 10;

/// What an instruction means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A map.
    Map(usize),
    /// A byte of the value of a data section's map.
    Data { map: usize, offset: u32 },
}

/// Why an instruction's reference can't be resolved: words for the instruction, or an error of something else.
pub(super) enum Unresolved {
    Because(String),
    Other(Error),
}

impl From<Error> for Unresolved {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<String> for Unresolved {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

/// The places where references are looked up.
pub(super) struct Scope<'a, 'm> {
    pub elf: &'a Elf<'a>,
    pub btf: Option<&'a Btf>,
    pub functions: &'m Functions<'a>,
    pub maps: &'m mut Maps,
}

impl Scope<'_, '_> {
    /// The function that a call with a relocation goes to.
    ///
    /// A symbol of a section is its begin; the immediate then counts slots from there, less one. For a function's own
    /// symbol it is -1.
    pub(super) fn callee(&self, relocation: Relocation, insn: Insn) -> Result<usize, Unresolved> {
        let symbol = self.elf.symbol(relocation.symbol)?;
        if !matches!(relocation.kind, R_BPF_64_32 | R_BPF_64_64) {
            return Err(unknown_kind(relocation).into());
        }
        let Place::Section(section) = symbol.place else {
            return Err(self.missing(&symbol).into());
        };
        let offset = distance(insn).and_then(|distance| symbol.value.checked_add_signed(distance));
        self.function(&symbol, section, offset)
            .map_err(Unresolved::from)
    }

    /// The function that a call without a relocation goes to: one of the same section, so many slots away.
    pub(super) fn nearby(
        &self,
        section: usize,
        offset: u64,
        insn: Insn,
    ) -> Result<usize, Unresolved> {
        let to = distance(insn).and_then(|distance| offset.checked_add_signed(distance));
        let found = to.and_then(|to| self.functions.starting_at(section, to));
        found.ok_or_else(|| {
            format!(
                "calls {} instructions away, where no function begins",
                insn.imm()
            )
            .into()
        })
    }

    /// What a 64-bit load with a relocation means; its two halves hold what is to be added to the symbol's value.
    pub(super) fn constant(
        &mut self,
        relocation: Relocation,
        low: Insn,
        high: Insn,
    ) -> Result<Target, Unresolved> {
        let symbol = self.elf.symbol(relocation.symbol)?;
        if relocation.kind != R_BPF_64_64 {
            return Err(unknown_kind(relocation).into());
        }
        let Place::Section(index) = symbol.place else {
            return Err(self.missing(&symbol).into());
        };
        let Some(section) = self.elf.section(index) else {
            return Err(self.missing(&symbol).into());
        };
        let addend = i64::from(high.imm()) << 32 | i64::from(low.imm().cast_unsigned());
        let offset = symbol.value.checked_add_signed(addend);
        if section.is_code() {
            return Err(self.callback(&symbol, index, offset)?.into());
        }
        let name = Quoted(self.elf.symbol_name(&symbol));
        if self.maps.are_in(index) {
            let map = offset.and_then(|offset| self.maps.at(index, offset));
            return map
                .map(Target::Map)
                .ok_or_else(|| format!("refers to {name}, where no map begins").into());
        }
        if !is_data(section.name) {
            let section = Quoted(section.name);
            return Err(format!(
                "refers to {name} in section {section}, which holds neither code, maps nor data"
            )
            .into());
        }
        let offset = offset
            .filter(|&offset| offset < section.size)
            .and_then(|offset| u32::try_from(offset).ok());
        let offset = offset.ok_or_else(|| {
            let (name, size) = (Quoted(section.name), section.size);
            format!("refers to a place outside the {size} bytes of section {name}")
        })?;
        Ok(Target::Data {
            map: self.maps.of_data(self.elf, section)?,
            offset,
        })
    }

    /// Why a function's address can't be taken: the kernel allows it only to a program loaded with types of its
    /// functions (5.13), which redbpf doesn't pass on.
    fn callback(
        &self,
        symbol: &Symbol,
        section: usize,
        offset: Option<u64>,
    ) -> Result<String, String> {
        let function = self.functions.get(self.function(symbol, section, offset)?);
        let name = Quoted(function.map_or("", |function| function.name));
        Ok(format!(
            "takes the address of function {name}, for the kernel to call it back (bpf_loop and the like), which is not possible here; write the loop out"
        ))
    }

    /// The function that begins at `offset`.
    fn function(
        &self,
        symbol: &Symbol,
        section: usize,
        offset: Option<u64>,
    ) -> Result<usize, String> {
        let found = offset.and_then(|offset| self.functions.starting_at(section, offset));
        found.ok_or_else(|| {
            let by = Quoted(self.elf.symbol_name(symbol));
            let place = offset.map_or("before it".into(), |offset| {
                format!("at offset {offset} of its section")
            });
            format!("refers by {by} to a function {place}, where none begins")
        })
    }

    /// Says what a symbol is that the object doesn't define.
    fn missing(&self, symbol: &Symbol) -> String {
        let name = Quoted(symbol.name);
        match symbol.place {
            Place::Common => {
                return format!(
                    "refers to {name}, which has no place yet; initialise the variable, as in `int x = 0;`"
                );
            }
            Place::Absolute => {
                return format!("refers to {name}, which is a mere number and no address");
            }
            Place::Elsewhere | Place::Section(_) => {}
        }
        let is_in = |section: &str| self.btf.is_some_and(|btf| lists(btf, section, symbol.name));
        if is_in(".kconfig") {
            return format!(
                "refers to {name}, a setting of the kernel's configuration, which can't be known here; use a map's value instead"
            );
        }
        if is_in(".ksyms") {
            return format!(
                "refers to {name}, which is inside the kernel (kfunc or __ksym); only helpers can be called"
            );
        }
        let word = if symbol.kind == SymbolKind::Function {
            "function"
        } else {
            "symbol"
        };
        format!(
            "refers to {word} {name}, which the object doesn't define; join the object that does with `bpftool gen object`"
        )
    }
}

/// What a call's immediate means in bytes: it counts slots from the next one on.
fn distance(insn: Insn) -> Option<i64> {
    (i64::from(insn.imm()) + 1).checked_mul(i64::try_from(Insn::SIZE).ok()?)
}

/// Whether the types name this variable or function in that section.
fn lists(btf: &Btf, section: &str, wanted: &str) -> bool {
    btf.section(section).is_some_and(|section| {
        section.variables().any(|id| match btf.get(id) {
            Some(Type::Variable { name, .. } | Type::Function { name }) => name == wanted,
            _ => false,
        })
    })
}

fn unknown_kind(relocation: Relocation) -> String {
    format!(
        "has a relocation of type {}, which doesn't belong on it",
        relocation.kind
    )
}
