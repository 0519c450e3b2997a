//! Samples as lines or blocks, and their numbers.

use std::fmt::{self, Display};
use std::io::Write as _;
use std::time::Duration;

use super::line::Line;
use super::pcapng::Pcapng;
use crate::base::quantity::Quantity;
use crate::control::client::samples::Stage;
use crate::object::frame::sample::Sample;

/// The text or blocks of the samples so far that are not written yet, and the number of samples.
pub(super) struct Recorder {
    /// Blocks of pcapng; `None` for lines of text.
    pcapng: Option<Pcapng>,
    /// Bytes to write.
    pub(super) bytes: Vec<u8>,
    /// Number of samples, and of the packets that they represent.
    pub(super) captured: u64,
    represented: u64,
}

impl Recorder {
    /// A recorder for lines of text.
    pub(super) const fn text() -> Self {
        Self {
            pcapng: None,
            bytes: Vec::new(),
            captured: 0,
            represented: 0,
        }
    }

    /// A recorder for blocks of pcapng.
    pub(super) fn pcapng() -> Self {
        let mut recorder = Self::text();
        Pcapng::begin(&mut recorder.bytes);
        recorder.pcapng = Some(Pcapng::default());
        recorder
    }

    /// Appends a sample of `time` since 1970.
    pub(super) fn add(&mut self, sample: &Sample<'_>, stage: &Stage, time: Duration) {
        self.captured += 1;
        self.represented = self.represented.saturating_add(sample.weight);
        if let Some(pcapng) = &mut self.pcapng {
            return pcapng.packet(sample, stage, time, &mut self.bytes);
        }
        let line = Line {
            sample,
            stage,
            time,
        };
        // Writing to memory cannot fail.
        let _ = writeln!(self.bytes, "{line}");
    }

    /// Appends the end of the capture at `time` since 1970.
    pub(super) fn end(&mut self, lost: u64, time: Duration) {
        if let Some(pcapng) = &self.pcapng {
            pcapng.end(lost, time, &mut self.bytes);
        }
    }

    /// The closing line.
    pub(super) fn summary(&self, lost: u64) -> impl Display {
        let (captured, represented) = (self.captured, self.represented);
        fmt::from_fn(move |f| {
            write!(f, "{}, {lost} lost", Quantity(captured, "packet"))?;
            match represented.checked_add(captured / 2) {
                Some(rounded) if captured > 0 => {
                    write!(f, ", sampled 1 in about {}", rounded / captured)
                }
                _ => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests;
