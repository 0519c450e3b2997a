//! Resolution of references: to a function, to a map, or to a byte of a data section.

use super::btf::{Btf, Type};
use super::elf::{
    Elf, R_BPF_64_32, R_BPF_64_64, Relocation, Section, Symbol, SymbolKind, SymbolSection,
};
use super::error::{Error, Quoted};
use super::functions::Functions;
use super::insn::Insn;
use super::maps::{Maps, is_data};
use crate::base::quantity::Quantity;

/// Target of a 64-bit load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A map, by index.
    Map(usize),
    /// A byte in the value of a data section's map.
    Data { map: usize, offset: u32 },
}

/// Reason why a reference cannot be resolved.
pub(super) enum Unresolved {
    /// A fault of the instruction. The text continues a sentence that begins with the instruction.
    Instruction(String),
    /// A fault elsewhere in the object, such as in its symbol table.
    Other(Error),
}

impl From<Error> for Unresolved {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<String> for Unresolved {
    fn from(what: String) -> Self {
        Self::Instruction(what)
    }
}

/// The functions, maps and types to which a reference may lead.
pub(super) struct Scope<'a, 'm> {
    pub elf: &'a Elf<'a>,
    pub btf: Option<&'a Btf>,
    pub functions: &'m Functions<'a>,
    pub maps: &'m mut Maps,
}

impl Scope<'_, '_> {
    /// Target of a call with a relocation, as an index of `functions`.
    ///
    /// With a section's symbol, the immediate is the target's slot in the section less one. With a function's symbol,
    /// the immediate is -1.
    pub(super) fn callee(&self, relocation: Relocation, insn: Insn) -> Result<usize, Unresolved> {
        let symbol = self.elf.symbol(relocation.symbol)?;
        if !matches!(relocation.kind, R_BPF_64_32 | R_BPF_64_64) {
            return Err(unknown_kind(relocation).into());
        }
        let SymbolSection::Section(section) = symbol.section else {
            return Err(self.missing(&symbol).into());
        };
        let offset = call_offset(insn).and_then(|offset| symbol.value.checked_add_signed(offset));
        self.function(&symbol, section, offset)
            .map_err(Unresolved::from)
    }

    /// Target of a call without a relocation, as an index of `functions`. The call is at `offset` of `section`, and its
    /// target is in the same section.
    pub(super) fn local_callee(
        &self,
        section: usize,
        offset: u64,
        insn: Insn,
    ) -> Result<usize, Unresolved> {
        let target = call_offset(insn).and_then(|distance| offset.checked_add_signed(distance));
        let found = target.and_then(|target| self.functions.starting_at(section, target));
        found.ok_or_else(|| {
            format!(
                "calls {} instructions away, where no function begins",
                insn.imm()
            )
            .into()
        })
    }

    /// Target of a 64-bit load with a relocation. The immediates of its two slots are the addend.
    pub(super) fn load_target(
        &mut self,
        relocation: Relocation,
        low: Insn,
        high: Insn,
    ) -> Result<Target, Unresolved> {
        let symbol = self.elf.symbol(relocation.symbol)?;
        if relocation.kind != R_BPF_64_64 {
            return Err(unknown_kind(relocation).into());
        }
        let SymbolSection::Section(index) = symbol.section else {
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
        if self.maps.any_defined_in(index) {
            let map = offset.and_then(|offset| self.maps.defined_at(index, offset));
            return map
                .map(Target::Map)
                .ok_or_else(|| format!("refers to {name}, where no map begins").into());
        }
        if !is_data(section.name) {
            let section = Quoted(section.name);
            return Err(format!(
                "refers to {name} in section {section}, which contains neither code, maps nor data"
            )
            .into());
        }
        self.data_target(section, offset)
    }

    /// The byte at `offset` of a data section. `None` is an offset outside of 64 bits.
    fn data_target(
        &mut self,
        section: &Section,
        offset: Option<u64>,
    ) -> Result<Target, Unresolved> {
        let offset = offset
            .filter(|&offset| offset < section.size)
            .and_then(|offset| u32::try_from(offset).ok());
        let offset = offset.ok_or_else(|| {
            let (name, size) = (Quoted(section.name), Quantity(section.size, "byte"));
            format!("refers to a place outside the {size} of section {name}")
        })?;
        Ok(Target::Data {
            map: self.maps.for_data_section(self.elf, self.btf, section)?,
            offset,
        })
    }

    /// The message for a load of a function's address. The kernel allows it only in programs with BTF for their functions
    /// (5.13), which redbpf does not pass to the kernel.
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

    /// The function at `offset` of `section`, as an index of `functions`.
    fn function(
        &self,
        symbol: &Symbol,
        section: usize,
        offset: Option<u64>,
    ) -> Result<usize, String> {
        let found = offset.and_then(|offset| self.functions.starting_at(section, offset));
        found.ok_or_else(|| {
            let symbol = Quoted(self.elf.symbol_name(symbol));
            let place = offset.map_or("before it".into(), |offset| {
                format!("at offset {offset} of its section")
            });
            format!("refers by {symbol} to a function {place}, where none begins")
        })
    }

    /// The message for a symbol that the object does not define.
    fn missing(&self, symbol: &Symbol) -> String {
        let name = Quoted(symbol.name);
        match symbol.section {
            SymbolSection::Common => {
                return format!(
                    "refers to {name}, a common symbol without storage; initialise the variable, as in `int x = 0;`"
                );
            }
            SymbolSection::Absolute => {
                return format!("refers to {name}, an absolute symbol, which is not an address");
            }
            SymbolSection::Undefined | SymbolSection::Section(_) => {}
        }
        let declared_in = |section: &str| {
            let btf = self.btf;
            btf.is_some_and(|btf| declares(btf, section, symbol.name))
        };
        if declared_in(".kconfig") {
            return format!(
                "refers to {name}, a setting of the kernel's configuration, which is not available here; use a map's value instead"
            );
        }
        if declared_in(".ksyms") {
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
            "refers to {word} {name}, which the object does not define; link the object that does with `bpftool gen object`"
        )
    }
}

/// Distance from a call to its target in bytes. The immediate counts slots from the next instruction.
fn call_offset(insn: Insn) -> Option<i64> {
    (i64::from(insn.imm()) + 1).checked_mul(i64::try_from(Insn::SIZE).ok()?)
}

/// True if the BTF declares the variable or function `wanted` in `section`.
fn declares(btf: &Btf, section: &str, wanted: &str) -> bool {
    btf.section(section).is_some_and(|section| {
        section.variables().any(|id| match btf.get(id) {
            Some(Type::Variable { name, .. } | Type::Function { name }) => name == wanted,
            _ => false,
        })
    })
}

fn unknown_kind(relocation: Relocation) -> String {
    format!(
        "has a relocation of type {}, which does not apply to it",
        relocation.kind
    )
}
