//! The map `wall_clock`: the offset of the wall clock, for programs that compare wall-clock times.
//!
//! The map of a new stage is written before its program is loaded, and every map after the wall clock was set.

use nix::errno::Errno;

use super::Filter;
use crate::kernel::describe;
use crate::kernel::map::Map;
use crate::kernel::wall_clock::offset;
use crate::log::Log;
use crate::object::is_wall_clock;

impl Filter {
    /// Writes the offset to the maps of all stages.
    pub fn write_wall_clock(&self, log: &Log) {
        for stage in self.stages() {
            for loaded in &stage.maps {
                let (name, map) = (&loaded.name, &loaded.map);
                let shape = map.shape();
                if is_wall_clock(name, shape.kind, shape.value_size, shape.max_entries)
                    && let Err(errno) = write_offset(map)
                {
                    let (interface, why) = (&self.interface, describe(errno));
                    log.error(format_args!("{interface}: cannot write map {name}: {why}"));
                }
            }
        }
    }
}

/// Writes wall-clock time less time since boot, in nanoseconds, to the only entry of `map`.
pub(super) fn write_offset(map: &Map) -> Result<(), Errno> {
    map.update(&0u32.to_ne_bytes(), &offset().to_ne_bytes())
}
