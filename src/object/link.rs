//! Linking: the entry function and all it calls become one instruction stream, as libbpf does it.
//!
//! Each function is appended once, however often it is called; the calls are patched when all places are known. Jumps stay inside their function (the verifier sees to it), so moving a function changes nothing else.

use super::btf::Btf;
use super::core_relo;
use super::elf::{Elf, Relocation};
use super::error::Error;
use super::functions::{Function, Functions};
use super::insn::{CALL, Insn, pseudo};
use super::maps::Maps;
use super::references::{Scope, Target, Unresolved};
use super::stream::{Call, Placed, Stream};

/// An instruction that refers to a map.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Use {
    /// The first slot of the load.
    pub insn: usize,
    /// The map's index.
    pub map: usize,
}

/// The result.
pub(super) struct Linked<'a> {
    /// The section of the entry function.
    pub section: &'a str,
    pub insns: Vec<Insn>,
    pub uses: Vec<Use>,
}

struct Linker<'a, 'm> {
    scope: Scope<'a, 'm>,
    stream: Stream<'a, 'm>,
    uses: Vec<Use>,
    /// For each section its relocations, once they are read.
    relocations: Vec<Option<Vec<Relocation>>>,
}

/// Where an instruction is.
#[derive(Clone, Copy)]
struct Site {
    /// The number of its function in the stream.
    place: usize,
    /// The section of that function.
    section: usize,
    /// Its slot in the stream.
    slot: usize,
    /// Its offset in the section.
    offset: u64,
}

/// Links the program of this entry function.
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
        stream: Stream::new(&functions),
        uses: Vec::new(),
        relocations: vec![None; elf.sections().count()],
    };
    linker.stream.place(functions.entry(entry)?)?;
    let mut next = 0;
    while let Some(&placed) = linker.stream.placed().get(next) {
        linker.resolve(next, placed)?;
        next += 1;
    }
    let placed = linker.stream.placed();
    core_relo::refuse(
        elf,
        btf,
        &functions,
        placed.iter().map(|placed| &placed.function),
    )?;
    let section = placed
        .first()
        .map_or("", |entry| functions.section_name(&entry.function));
    Ok(Linked {
        section,
        insns: linker.stream.finish()?,
        uses: linker.uses,
    })
}

impl Linker<'_, '_> {
    /// The relocations in a function's range.
    fn relocations_of(&mut self, function: &Function) -> Result<Vec<Relocation>, Error> {
        let elf = self.scope.elf;
        let known = self
            .relocations
            .get_mut(function.section)
            .zip(elf.section(function.section));
        let Some((known, section)) = known else {
            return Ok(Vec::new());
        };
        let all = match known {
            Some(all) => all,
            None => known.insert(elf.relocations(section)?),
        };
        let end = function.start.saturating_add(function.size);
        let from = all.partition_point(|relocation| relocation.offset < function.start);
        let to = all.partition_point(|relocation| relocation.offset < end);
        Ok(all.get(from..to).unwrap_or_default().to_vec())
    }

    /// Resolves what a placed function's instructions refer to, placing the functions it calls.
    fn resolve(&mut self, place: usize, placed: Placed) -> Result<(), Error> {
        let Placed { function, from, to } = placed;
        let mut relocations = self.relocations_of(&function)?.into_iter().peekable();
        let mut site = Site {
            place,
            section: function.section,
            slot: from,
            offset: function.start,
        };
        while let Some(insn) = self.stream.insn(site.slot).filter(|_| site.slot < to) {
            let relocation = relocations.next_if(|relocation| relocation.offset == site.offset);
            let done = match insn.opcode() {
                CALL => self.call(site, insn, relocation),
                _ if insn.is_wide() => self.load(site, insn, relocation, to),
                _ if relocation.is_some() => {
                    because("has a relocation, but is neither a call nor a 64-bit load")
                }
                _ => Ok(()),
            };
            done.map_err(|why| match why {
                Unresolved::Other(error) => error,
                Unresolved::Because(why) => self
                    .scope
                    .functions
                    .wrong(&function, format!("instruction {} {why}", site.slot - from)),
            })?;
            let wide = insn.is_wide();
            site.slot += if wide { 2 } else { 1 };
            site.offset += if wide { 16 } else { 8 };
        }
        let Some(stray) = relocations.next() else {
            return Ok(());
        };
        let what = format!(
            "has a relocation at offset {}, where no instruction begins",
            stray.offset
        );
        Err(self.scope.functions.wrong(&function, what))
    }

    /// Resolves a call.
    fn call(
        &mut self,
        site: Site,
        insn: Insn,
        relocation: Option<Relocation>,
    ) -> Result<(), Unresolved> {
        let function = match (insn.src(), relocation) {
            (pseudo::CALL, Some(relocation)) => self.scope.callee(relocation, insn)?,
            // Within a section the compiler knows the distance itself.
            (pseudo::CALL, None) => self.scope.nearby(site.section, site.offset, insn)?,
            (pseudo::KFUNC_CALL, _) => {
                return because("calls a kernel function by number; only helpers can be called");
            }
            (_, Some(_)) => return because("calls a helper, but has a relocation"),
            (_, None) => return Ok(()),
        };
        let to = self.stream.place(function)?;
        self.stream.note(Call {
            insn: site.slot,
            from: site.place,
            to,
        });
        Ok(())
    }

    /// Resolves a 64-bit load.
    fn load(
        &mut self,
        site: Site,
        low: Insn,
        relocation: Option<Relocation>,
        end: usize,
    ) -> Result<(), Unresolved> {
        let second = site.slot + 1;
        let Some(high) = self.stream.insn(second).filter(|_| second < end) else {
            return because("is a 64-bit load without its second half");
        };
        let Some(relocation) = relocation else {
            return match low.src() {
                0 => Ok(()),
                _ => because(
                    "refers to a map or function by number; it takes a relocation to say which",
                ),
            };
        };
        let (src, upper) = match self.scope.constant(relocation, low, high)? {
            Target::Map(map) => {
                self.uses.push(Use {
                    insn: site.slot,
                    map,
                });
                (pseudo::MAP_FD, 0)
            }
            Target::Data { map, offset } => {
                self.uses.push(Use {
                    insn: site.slot,
                    map,
                });
                (pseudo::MAP_VALUE, offset)
            }
        };
        self.stream
            .change(site.slot, |insn| insn.with_src(src).with_imm(0));
        self.stream
            .change(second, |insn| insn.with_imm(upper.cast_signed()));
        Ok(())
    }
}

fn because(why: &str) -> Result<(), Unresolved> {
    Err(Unresolved::Because(why.into()))
}
