//! Linking: joins the entry function and all functions that it calls into one instruction stream, as libbpf does.
//!
//! Each function is appended once, however often it is called. Calls are patched after the last function was appended.
//! Jumps stay inside their function, as the verifier checks, so that a moved function needs no other change.

use super::btf::Btf;
use super::co_re::{self, Relocation as CoReRelocation};
use super::elf::{Elf, Relocation};
use super::error::Error;
use super::functions::{Function, Functions};
use super::insn::{CALL, Insn, pseudo};
use super::maps::Maps;
use super::references::{Scope, Target, Unresolved};
use super::stream::{Call, InsnStream, LinkedFunction};

/// A 64-bit load of a map or of an address in a map's value.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct MapReference {
    /// First slot of the load.
    pub slot: usize,
    /// Index of the map.
    pub map: usize,
}

/// A linked program.
pub(super) struct Linked<'a> {
    /// Section of the entry function.
    pub section: &'a str,
    pub insns: Vec<Insn>,
    /// Number of slots of the entry function, the first of the instructions.
    pub entry_slots: usize,
    /// References to maps, in order of the instructions.
    pub map_references: Vec<MapReference>,
    /// Relocations that need the types of the running kernel.
    pub co_re: Vec<CoReRelocation>,
}

/// State of linking one program.
struct Linker<'a, 'm> {
    scope: Scope<'a, 'm>,
    stream: InsnStream<'a, 'm>,
    map_references: Vec<MapReference>,
    /// Relocations of each section that was visited, by section index.
    relocations: Vec<Option<Vec<Relocation>>>,
}

/// Location of an instruction.
#[derive(Clone, Copy)]
struct Site {
    /// Index of the instruction's function in the stream.
    function: usize,
    /// Index of the section that contains the function.
    section: usize,
    /// Slot in the stream.
    slot: usize,
    /// Offset in the section, in bytes.
    offset: u64,
}

/// Links the program of the entry function `entry`.
pub(super) fn link<'a>(
    elf: &'a Elf<'a>,
    btf: Option<&'a Btf>,
    maps: &mut Maps,
    entry: &str,
) -> Result<Linked<'a>, Error> {
    let functions = Functions::of(elf);
    let mut linker = Linker {
        scope: Scope {
            elf,
            btf,
            functions: &functions,
            maps,
        },
        stream: InsnStream::new(&functions),
        map_references: Vec::new(),
        relocations: vec![None; elf.sections().count()],
    };
    linker.stream.append(functions.entry(entry)?)?;
    let mut next = 0;
    while let Some(&linked) = linker.stream.linked().get(next) {
        linker.resolve(next, linked)?;
        next += 1;
    }
    let program = linker.stream.linked();
    let co_re = co_re::collect(elf, btf, &functions, program)?;
    let (section, entry_slots) = program.first().map_or(("", 0), |entry| {
        (functions.section_name(&entry.function), entry.end)
    });
    Ok(Linked {
        section,
        insns: linker.stream.finish()?,
        entry_slots,
        map_references: linker.map_references,
        co_re,
    })
}

impl Linker<'_, '_> {
    /// The relocations in a function's range.
    fn relocations_of(&mut self, function: &Function) -> Result<Vec<Relocation>, Error> {
        let elf = self.scope.elf;
        let cached = self.relocations.get_mut(function.section);
        let Some((section, cached)) = elf.section(function.section).zip(cached) else {
            return Ok(Vec::new());
        };
        let all = match cached {
            Some(all) => all,
            None => cached.insert(elf.relocations(section)?),
        };
        let end = function.start.saturating_add(function.size);
        let first = all.partition_point(|relocation| relocation.offset < function.start);
        let last = all.partition_point(|relocation| relocation.offset < end);
        Ok(all.get(first..last).unwrap_or_default().to_vec())
    }

    /// Resolves the references of a linked function's instructions, and appends the functions that it calls.
    fn resolve(&mut self, index: usize, linked: LinkedFunction) -> Result<(), Error> {
        let LinkedFunction {
            function,
            start,
            end,
        } = linked;
        let mut relocations = self.relocations_of(&function)?.into_iter().peekable();
        let mut site = Site {
            function: index,
            section: function.section,
            slot: start,
            offset: function.start,
        };
        while let Some(insn) = self.stream.insn(site.slot).filter(|_| site.slot < end) {
            let relocation = relocations.next_if(|relocation| relocation.offset == site.offset);
            let resolved = match insn.opcode() {
                CALL => self.resolve_call(site, insn, relocation),
                _ if insn.is_wide() => self.resolve_load(site, insn, relocation, end),
                _ if relocation.is_some() => {
                    unresolved("has a relocation, but is neither a call nor a 64-bit load")
                }
                _ => Ok(()),
            };
            resolved.map_err(|unresolved| match unresolved {
                Unresolved::Other(error) => error,
                Unresolved::Instruction(what) => {
                    let what = format!("instruction {} {what}", site.slot - start);
                    self.scope.functions.error(&function, what)
                }
            })?;
            let wide = insn.is_wide();
            site.slot += if wide { 2 } else { 1 };
            site.offset += if wide { 16 } else { 8 };
        }
        let Some(unused) = relocations.next() else {
            return Ok(());
        };
        let what = format!(
            "has a relocation at offset {}, where no instruction begins",
            unused.offset
        );
        Err(self.scope.functions.error(&function, what))
    }

    fn resolve_call(
        &mut self,
        site: Site,
        insn: Insn,
        relocation: Option<Relocation>,
    ) -> Result<(), Unresolved> {
        let function = match (insn.src(), relocation) {
            (pseudo::CALL, Some(relocation)) => self.scope.callee(relocation, insn)?,
            // Inside a section, the compiler resolves the call target.
            (pseudo::CALL, None) => self.scope.local_callee(site.section, site.offset, insn)?,
            (pseudo::KFUNC_CALL, _) => {
                return unresolved("calls a kernel function by number; only helpers can be called");
            }
            (_, Some(_)) => return unresolved("calls a helper, but has a relocation"),
            (_, None) => return Ok(()),
        };
        let target = self.stream.append(function)?;
        self.stream.record_call(Call {
            slot: site.slot,
            caller: site.function,
            target,
        });
        Ok(())
    }

    /// Resolves a 64-bit load; `end` is the end of its function.
    fn resolve_load(
        &mut self,
        site: Site,
        low: Insn,
        relocation: Option<Relocation>,
        end: usize,
    ) -> Result<(), Unresolved> {
        let second = site.slot + 1;
        let Some(high) = self.stream.insn(second).filter(|_| second < end) else {
            return unresolved("is a 64-bit load without its second half");
        };
        let Some(relocation) = relocation else {
            return match low.src() {
                0 => Ok(()),
                _ => unresolved("refers to a map or function by number; a relocation must name it"),
            };
        };
        let (map, src, upper) = match self.scope.load_target(relocation, low, high)? {
            Target::Map(map) => (map, pseudo::MAP_FD, 0),
            Target::Data { map, offset } => (map, pseudo::MAP_VALUE, offset),
        };
        self.map_references.push(MapReference {
            slot: site.slot,
            map,
        });
        self.stream
            .patch(site.slot, |insn| insn.with_src(src).with_imm(0));
        self.stream
            .patch(second, |insn| insn.with_imm(upper.cast_signed()));
        Ok(())
    }
}

fn unresolved(what: &str) -> Result<(), Unresolved> {
    Err(Unresolved::Instruction(what.into()))
}
