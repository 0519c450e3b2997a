//! The step that puts a frame around each program, so that the kernel counts its verdicts.

use std::fmt::Display;

use super::{Plan, PlannedFilter};
use crate::base::escape::Escaped;
use crate::config::Mode;

impl Plan {
    /// Puts a frame around each program, and passes a warning to `report` for each program that runs without a frame.
    pub fn add_frames(&mut self, report: &mut dyn FnMut(&dyn Display)) {
        for PlannedFilter { block, object } in &mut self.filters {
            let obstacle: &dyn Display = match block.mode {
                Mode::Offload => &"a network card cannot count them",
                _ => match object.add_frame() {
                    Ok(()) => continue,
                    Err(obstacle) => &obstacle.to_string(),
                },
            };
            let (file, line) = (self.corefile.file(block.elf_at), block.elf_at.line());
            let file = Escaped(file);
            report(&format_args!(
                "{file}:{line}: elf: verdicts are not counted: {obstacle}"
            ));
        }
    }
}
