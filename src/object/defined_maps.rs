//! The maps that an object defines, in sections `.maps`, `maps` and `maps/NAME`.

use super::btf::Btf;
use super::elf::Elf;
use super::error::Error;
use super::maps::Maps;
use super::{btf_maps, legacy_maps, slots};

/// The maps that the object defines.
pub(super) fn read(elf: &Elf, btf: Option<&Btf>) -> Result<Maps, Error> {
    let (mut maps, mut legacy) = (Maps::default(), false);
    for section in elf.sections() {
        if section.name == ".maps" {
            if elf
                .section_named(".maps")
                .is_some_and(|first| first.index != section.index)
            {
                return Err(Error::section(
                    section.name,
                    "exists twice; define all maps in one",
                ));
            }
            let parsed = btf_maps::read(elf, btf, section)?;
            let extents: Vec<_> = parsed.iter().map(|map| map.extent).collect();
            maps.add(section, parsed)?;
            slots::fill(elf, section, &extents, &mut maps)?;
        } else if section.name == "maps" || section.name.starts_with("maps/") {
            maps.add(section, legacy_maps::read(elf, section)?)?;
            legacy = true;
        }
    }
    if let Some(btf) = btf.filter(|_| legacy) {
        legacy_maps::annotate(btf, &mut maps)?;
    }
    Ok(maps)
}
