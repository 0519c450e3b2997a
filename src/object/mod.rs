//! What the compiler produced: reads an ELF object for BPF, links the functions that its XDP program needs into one
//! instruction stream, and finds the maps it defines.
//!
//! The object is not trusted: whatever the bytes, the result is a [`LinkedObject`] or an [`Error`], in time and memory
//! bounded by the file's size, but for up to 4 MiB of zeros that a section like `.bss` asks for. Nothing here does I/O.
//!
//! The order of the story: [`elf`] finds sections, symbols and relocations; [`btf`] the types; [`maps`] the map
//! definitions (`.maps`, `maps`, data sections); [`link`](mod@link) follows the entry function's calls and resolves
//! what its instructions refer to; [`core_relo`] refuses what only a kernel could resolve. Of the result
//! [`canonical`] makes the one object that redbpf is given, and [`kernel_btf`] the types the kernel is given. [`layout`]
//! tells what the bytes of keys and values mean.

mod btf;
mod btf_maps;
mod canonical;
mod core_relo;
mod elf;
mod error;
mod functions;
mod insn;
mod kernel_btf;
pub mod layout;
mod link;
mod map_def;
mod map_kind;
mod maps;
mod old_maps;
mod recursion;
mod references;
mod slots;
mod stream;
mod survey;

pub use btf::{Btf, Composite, DataSection, Enum, Enumerator, Int, Member, Type};
pub use error::Error;
pub use insn::Insn;
pub use kernel_btf::KernelBtf;
pub use layout::Layout;
pub use map_def::MapDef;
pub use map_kind::MapKind;
pub use survey::{Program, Survey, survey};

use std::hash::{Hash, Hasher};

use elf::Elf;
use insn::{MAP_DELETE_ELEM, MAP_UPDATE_ELEM};
use link::{Linked, Use};
use maps::Maps;

/// An XDP program with all it needs, linked but for the descriptors of its maps.
#[derive(Clone, Debug)]
pub struct LinkedObject {
    /// The entry function.
    pub entry: String,
    /// The section it stands in.
    pub section: String,
    /// Whether the program takes packets in several fragments: its section is `xdp.frags…`, and it must be loaded with
    /// `BPF_F_XDP_HAS_FRAGS` (5.18).
    pub frags: bool,
    /// The license, empty when the object has none.
    pub license: String,
    /// The entry function's instructions, then those of each function it calls.
    pub insns: Vec<Insn>,
    /// The maps the object defines, and the data sections that the program refers to.
    pub maps: Vec<MapDef>,
    uses: Vec<Use>,
    btf: Option<Btf>,
}

/// Reads `bytes` and links the program whose entry function is `entry`.
///
/// # Errors
/// When the bytes are no BPF object, are damaged, or hold something that can't be linked; see [`Error`].
pub fn link(bytes: &[u8], entry: &str) -> Result<LinkedObject, Error> {
    let elf = Elf::read(bytes)?;
    let btf = types(&elf)?;
    let mut maps = Maps::defined_in(&elf, btf.as_ref())?;
    let Linked {
        section,
        insns,
        uses,
    } = link::link(&elf, btf.as_ref(), &mut maps, entry)?;
    Ok(LinkedObject {
        entry: entry.into(),
        section: section.into(),
        frags: section.starts_with("xdp.frags"),
        license: license(&elf)?,
        insns,
        maps: maps.into_defs(),
        uses,
        btf,
    })
}

impl LinkedObject {
    /// The map of this name.
    pub fn map(&self, name: &str) -> Option<&MapDef> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// The object's types, where it has any.
    pub fn btf(&self) -> Option<&Btf> {
        self.btf.as_ref()
    }

    /// Feeds all that the kernel gets to see of it to `hasher`, but for names of types.
    pub fn code(&self, hasher: &mut impl Hasher) {
        (&self.entry, &self.license, self.frags).hash(hasher);
        (&self.insns, &self.maps, &self.uses).hash(hasher);
    }

    /// Whether the program may add entries to maps, or delete some.
    pub fn changes_maps(&self) -> bool {
        self.insns
            .iter()
            .any(|insn| insn.calls(&[MAP_UPDATE_ELEM, MAP_DELETE_ELEM]))
    }

    /// The object that redbpf reads: ELF64, little-endian, with the instructions in one section `xdp/ENTRY`, the
    /// descriptors of the maps written into them, and the license. `fds` is parallel to [`LinkedObject::maps`].
    ///
    /// redbpf wants the instructions aligned to 8 bytes in memory. In the object they are; so give it to redbpf in a
    /// buffer that begins at such an address (what an allocator returns does).
    ///
    /// # Errors
    /// When `fds` has not one valid descriptor for each map.
    pub fn canonical(&self, fds: &[i32]) -> Result<Vec<u8>, Error> {
        canonical::build(self, fds)
    }

    /// The bytes of that object's instructions alone, for a loader that needs no file.
    ///
    /// # Errors
    /// As [`LinkedObject::canonical`].
    pub fn instructions(&self, fds: &[i32]) -> Result<Vec<u8>, Error> {
        canonical::instructions(self, fds)
    }

    /// The types of the maps' keys and values, for `BPF_BTF_LOAD`; `None` when no map has types that the kernel takes.
    ///
    /// They use only what kernel 4.18 knows, but for bit-fields (5.0). A kernel may still refuse them, or refuse them
    /// for some kind of map; then the map is to be made without.
    pub fn kernel_btf(&self) -> Option<KernelBtf> {
        kernel_btf::build(self.btf.as_ref()?, &self.maps)
    }
}

/// The object's types, where it has any.
fn types(elf: &Elf) -> Result<Option<Btf>, Error> {
    let section = elf.section_named(".BTF");
    section.map(|section| Btf::parse(section.data)).transpose()
}

/// The text in section `license`.
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
            "isn't text; it holds a license such as \"GPL\"",
        )),
    }
}
