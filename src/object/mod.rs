//! The static linker for BPF objects: reads an ELF object file, links the functions of its XDP program into one
//! instruction stream, and finds the maps that the object defines.
//!
//! The object file is not trusted: any bytes give a [`LinkedObject`] or an [`Error`]. Time and memory are bounded by the
//! file's size, plus at most 4 MiB of zeros for sections like `.bss`. Nothing here does I/O.
//!
//! The steps in order: [`elf`] reads sections, symbols and relocations. [`btf`] reads types. [`maps`] reads map
//! definitions (`.maps`, `maps`, data sections). [`link`](mod@link) follows the calls of the entry function and resolves
//! relocations. [`co_re`] resolves those that need the types of the running kernel, separately. From the result,
//! [`canonical`] writes the object for redbpf, and [`kernel_btf`] the types for the kernel. [`layout`] describes the
//! bytes of keys and values.

mod btf;
mod btf_maps;
mod canonical;
mod co_re;
mod constants;
mod defined_maps;
mod elf;
mod error;
pub mod frame;
mod functions;
mod insn;
mod kernel_btf;
pub mod layout;
mod legacy_maps;
mod link;
mod link_header;
mod map_def;
mod map_kind;
mod maps;
mod recursion;
mod references;
mod slots;
mod stream;
mod survey;
mod tables;
mod verdict;

pub use btf::{Btf, Composite, DataSection, Enum, Enumerator, Int, Member, Type};
pub use co_re::POISON;
pub use error::{Error, Fault};
pub use insn::Insn;
pub use kernel_btf::{KernelBtf, MapTypes};
pub use layout::Layout;
pub use link_header::{LINK_HEADER, LinkHeader};
pub use map_def::{MapDef, Role, Table, TableKind, is_wall_clock};
pub use map_kind::MapKind;
pub use survey::{Program, Survey, survey};
pub use tables::{NAME_KEY, find_tables, map_for_lines};

use std::hash::{Hash, Hasher};

use elf::{Elf, SymbolSection};
use frame::Frame;
use insn::{MAP_DELETE_ELEM, MAP_UPDATE_ELEM, TAIL_CALL, XDP_TX};
use link::{Linked, MapReference};

/// An XDP program with all functions that it calls, linked except for the descriptors of its maps.
#[derive(Clone, Debug)]
pub struct LinkedObject {
    /// Name of the entry function.
    pub entry: String,
    /// Section of the entry function.
    pub section: String,
    /// True if the program supports packets of several buffers: its section is `xdp.frags…`, and it must be loaded with
    /// `BPF_F_XDP_HAS_FRAGS` (5.18).
    pub frags: bool,
    /// The license; empty if the object has none.
    pub license: String,
    /// The instructions of the entry function, then of each function that it calls.
    pub insns: Vec<Insn>,
    /// The maps that the object defines, then one map for each data section to which the program refers.
    pub maps: Vec<MapDef>,
    /// References to maps, in order of the instructions.
    map_references: Vec<MapReference>,
    /// Number of slots of the entry function, the first of the instructions.
    entry_slots: usize,
    /// The frame around the program, if the program has a frame.
    frame: Option<Frame>,
    /// CO-RE relocations that [`LinkedObject::resolve`] has not resolved yet.
    co_re: Vec<co_re::Relocation>,
    btf: Option<Btf>,
}

/// Reads the object file `bytes` and links the program of the entry function `entry`.
///
/// # Errors
/// When the file is not a BPF object, is damaged, or cannot be linked; see [`Error`].
pub fn link(bytes: &[u8], entry: &str) -> Result<LinkedObject, Error> {
    let elf = Elf::read(bytes)?;
    let btf = types(&elf)?;
    let mut maps = defined_maps::read(&elf, btf.as_ref())?;
    let Linked {
        section,
        insns,
        entry_slots,
        map_references,
        co_re,
    } = link::link(&elf, btf.as_ref(), &mut maps, entry)?;
    Ok(LinkedObject {
        entry: entry.into(),
        section: section.into(),
        frags: section.starts_with("xdp.frags"),
        license: license(&elf)?,
        insns,
        maps: maps.into_defs(btf.as_ref())?,
        map_references,
        entry_slots,
        frame: None,
        co_re,
        btf,
    })
}

impl LinkedObject {
    /// The map with this name.
    pub fn map(&self, name: &str) -> Option<&MapDef> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// The object's BTF; `None` without section `.BTF`.
    pub fn btf(&self) -> Option<&Btf> {
        self.btf.as_ref()
    }

    /// True if the program depends on types of the running kernel. [`LinkedObject::resolve`] must then be called before
    /// the instructions are used.
    pub const fn needs_kernel_types(&self) -> bool {
        !self.co_re.is_empty()
    }

    /// Resolves the CO-RE relocations for a kernel with these types.
    ///
    /// # Errors
    /// When several types of the kernel match and give different values, or when a value does not fit its instruction.
    pub fn resolve(&mut self, kernel: &Btf) -> Result<(), Error> {
        let relocations = std::mem::take(&mut self.co_re);
        match &self.btf {
            Some(btf) => co_re::resolve(&mut self.insns, &relocations, btf, kernel),
            None => Ok(()),
        }
    }

    /// Hashes the program and the maps as they are loaded into the kernel, without BTF, and without the map by which the
    /// frame finds the next program: a program stays the same when it gets a successor.
    pub fn hash_program(&self, hasher: &mut impl Hasher) {
        (&self.entry, &self.license, self.frags).hash(hasher);
        (&self.insns, &self.map_references).hash(hasher);
        for map in self.maps.iter().filter(|map| map.name != frame::NEXT) {
            map.hash(hasher);
        }
        self.frame.is_some().hash(hasher);
    }

    /// True if the program can add or delete map entries.
    pub fn changes_maps(&self) -> bool {
        self.insns
            .iter()
            .any(|insn| insn.calls(&[MAP_UPDATE_ELEM, MAP_DELETE_ELEM]))
    }

    /// True if the program may continue in another program (`bpf_tail_call`), which does not return.
    pub fn calls_programs(&self) -> bool {
        self.insns.iter().any(|insn| insn.calls(&[TAIL_CALL]))
    }

    /// True if the program may send packets back (`XDP_TX`). [`verdict::may_return`] does not find every such program.
    pub fn may_transmit(&self) -> bool {
        verdict::may_return(&self.insns, XDP_TX)
    }

    /// The object for redbpf: ELF64, little-endian, with the license and one section `xdp/ENTRY` of instructions, which
    /// include the maps' descriptors. `fds` has the descriptor of each of [`LinkedObject::maps`], in the same order.
    ///
    /// redbpf needs instructions aligned to 8 bytes in memory. They are aligned within the object, so the object must
    /// be passed in a buffer that is aligned to 8 bytes, as allocators return.
    ///
    /// # Errors
    /// When the number of `fds` is not the number of maps, or a descriptor is negative.
    pub fn canonical(&self, fds: &[i32]) -> Result<Vec<u8>, Error> {
        canonical::build(self, fds)
    }

    /// The instructions of [`LinkedObject::canonical`] alone, for `BPF_PROG_LOAD`.
    ///
    /// # Errors
    /// The errors of [`LinkedObject::canonical`].
    pub fn instructions(&self, fds: &[i32]) -> Result<Vec<u8>, Error> {
        canonical::instructions(self, fds)
    }

    /// The types of the maps' keys and values, for `BPF_BTF_LOAD`; `None` when no map has types that the kernel accepts.
    ///
    /// The types have the kinds of kernel 4.18, except bit-fields (5.0). A kernel may still refuse the BTF, or the types
    /// of one map; the map must then be created without types.
    pub fn kernel_btf(&self) -> Option<KernelBtf> {
        kernel_btf::build(self.btf.as_ref()?, &self.maps)
    }
}

/// Reads the object's BTF; `None` without section `.BTF`.
fn types(elf: &Elf) -> Result<Option<Btf>, Error> {
    let section = elf.section_named(".BTF");
    let mut btf = section
        .map(|section| Btf::parse(section.data))
        .transpose()?;
    if let Some(btf) = &mut btf {
        place_variables(btf, elf);
    }
    Ok(btf)
}

/// Writes the sizes of data sections and the offsets of variables into the BTF, from the ELF symbols.
fn place_variables(btf: &mut Btf, elf: &Elf) {
    // Sizes by section, and offsets by section and name.
    let mut places = Vec::new();
    for (_, symbol) in elf.symbols() {
        let SymbolSection::Section(index) = symbol.section else {
            continue;
        };
        let section = elf.section(index).map(|section| section.name);
        let section = section.filter(|name| maps::is_data(name));
        if let Some((section, offset)) = section.zip(u32::try_from(symbol.value).ok()) {
            places.push(((section, Some(symbol.name)), offset));
        }
    }
    for section in elf.sections().filter(|section| maps::is_data(section.name)) {
        if let Ok(size) = u32::try_from(section.size) {
            places.push(((section.name, None), size));
        }
    }
    places.sort_unstable();
    // The one at the highest offset of several symbols with one name.
    btf.place_variables(|section, name| {
        let end = places.partition_point(|&(key, _)| key <= (section, name));
        let (key, place) = places.get(end.checked_sub(1)?)?;
        (*key == (section, name)).then_some(*place)
    });
}

/// Reads the license from the section `license`; empty without that section.
fn license(elf: &Elf) -> Result<String, Error> {
    let Some(section) = elf.section_named("license") else {
        return Ok(String::new());
    };
    let text = section
        .data
        .split(|&byte| byte == 0)
        .next()
        .unwrap_or_default();
    match std::str::from_utf8(text) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(Error::section(
            section.name,
            "is not text; it must be a license such as \"GPL\"",
        )),
    }
}
