//! The step that puts a frame around each program, so that the kernel counts its verdicts.

use super::Plan;
use crate::config::Mode;

impl Plan {
    /// Puts a frame around each program that has room for one. A card cannot run the frame.
    pub fn add_frames(&mut self) {
        for filter in &mut self.filters {
            if filter.block.mode != Mode::Offload {
                // A program without room runs as it is, and its verdicts are not counted.
                let _ = filter.object.add_frame();
            }
        }
    }
}
