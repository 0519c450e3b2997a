//! The step that puts a frame around each program to count its verdicts.

use std::fmt::Display;

use super::{Plan, PlannedFilter};
use crate::base::escape::Escaped;
use crate::config::Mode;
use crate::object::frame::Place;

impl Plan {
    /// Puts a frame around each program. `report` gets a warning for each program that the frame does not fit. Programs
    /// with `mode offload` get no frame: a network card cannot run the frame.
    pub fn add_frames(&mut self, report: &mut dyn FnMut(&dyn Display)) {
        for PlannedFilter { block, object, .. } in &mut self.filters {
            if block.mode == Mode::Offload {
                continue;
            }
            if let Err(obstacle) = object.add_frame(Place::Alone) {
                let (file, line) = (self.corefile.file(block.elf_at), block.elf_at.line());
                let file = Escaped(file);
                report(&format_args!(
                    "{file}:{line}: elf: verdicts are not counted: {obstacle}"
                ));
            }
        }
    }
}
