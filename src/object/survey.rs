//! Survey of an object for `inspect`: all its programs and maps.

use super::btf::Btf;
use super::defined_maps;
use super::elf::Elf;
use super::error::Error;
use super::functions::Functions;
use super::map_def::MapDef;

/// Maximum number of programs in a survey. Each is linked separately, which takes time.
const MAX_PROGRAMS: usize = 64;

/// Programs, maps and types of an object.
#[derive(Debug)]
pub struct Survey {
    /// The functions in sections for XDP programs, in order of section and offset, at most 64.
    pub programs: Vec<Program>,
    /// The maps that the object defines, then the maps of the variables that its programs use.
    pub maps: Vec<MapDef>,
    /// The object's BTF; `None` without section `.BTF`.
    pub btf: Option<Btf>,
}

/// A function in a section for XDP programs.
#[derive(Debug)]
pub struct Program {
    /// The function's name.
    pub name: String,
    /// The function's section.
    pub section: String,
    /// Number of instructions of the linked program, or the reason why it cannot be linked.
    pub linked: Result<usize, Error>,
}

/// Reads the object file `bytes` and links each of its programs.
///
/// # Errors
/// When the file is not a BPF object, or is damaged; see [`Error`].
pub fn survey(bytes: &[u8]) -> Result<Survey, Error> {
    let elf = Elf::read(bytes)?;
    let btf = super::types(&elf)?;
    let mut maps = defined_maps::read(&elf, btf.as_ref())?.into_defs(btf.as_ref())?;
    let functions = Functions::of(&elf);
    let programs = functions.programs().take(MAX_PROGRAMS);
    let mut surveyed = Vec::new();
    for function in programs {
        let object = super::link(bytes, function.name);
        surveyed.push(Program {
            name: function.name.into(),
            section: functions.section_name(function).into(),
            linked: object
                .as_ref()
                .map(|object| object.insns.len())
                .map_err(Clone::clone),
        });
        // Maps of data sections are known only after linking.
        for map in object.into_iter().flat_map(|object| object.maps) {
            if map.initial.is_some() && maps.iter().all(|known| known.name != map.name) {
                maps.push(map);
            }
        }
    }
    Ok(Survey {
        programs: surveyed,
        maps,
        btf,
    })
}
