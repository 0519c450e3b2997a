//! All that an object holds, whichever program is meant.

use super::btf::Btf;
use super::elf::Elf;
use super::error::Error;
use super::functions::Functions;
use super::map_def::MapDef;
use super::maps::Maps;

/// Most programs that are tried; each is linked on its own.
const MOST_PROGRAMS: usize = 64;

/// What an object holds.
#[derive(Debug)]
pub struct Survey {
    /// The functions in sections for XDP programs, by section and place; of more than 64 the first.
    pub programs: Vec<Program>,
    /// The maps that it defines.
    pub maps: Vec<MapDef>,
    /// Its types, where it has any.
    pub btf: Option<Btf>,
}

/// A function that can be the entry of a program.
#[derive(Debug)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// The section that it stands in.
    pub section: String,
    /// How many instructions it has with all that it calls, or why it can't be used.
    pub linked: Result<usize, Error>,
}

/// Reads `bytes` as [`link`](super::link()) does, for all programs in it.
///
/// # Errors
/// When the bytes are no BPF object, or are damaged; see [`Error`].
pub fn survey(bytes: &[u8]) -> Result<Survey, Error> {
    let elf = Elf::read(bytes)?;
    let btf = super::types(&elf)?;
    let maps = Maps::defined_in(&elf, btf.as_ref())?.into_defs();
    let functions = Functions::of(&elf);
    let programs = functions.programs().take(MOST_PROGRAMS);
    let programs = programs.map(|function| Program {
        name: function.name.into(),
        section: functions.section_name(function).into(),
        linked: super::link(bytes, function.name).map(|object| object.insns.len()),
    });
    Ok(Survey {
        programs: programs.collect(),
        maps,
        btf,
    })
}
