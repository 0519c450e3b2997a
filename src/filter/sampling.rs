//! Switches the samples of a stage on and off, by the maps of the program's frame.

use std::os::fd::AsRawFd as _;

use nix::errno::Errno;

use super::stage::Stage;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;
use crate::object::frame::{RINGS, SETTINGS, SETTINGS_SIZE, Settings, lost_samples};

/// Key of the only entry.
const KEY: [u8; 4] = [0; 4];

impl Stage {
    /// True if the frame can copy packets to a ring buffer.
    pub fn can_sample(&self) -> bool {
        self.map(RINGS).is_some() && self.map(SETTINGS).is_some()
    }

    /// Switches samples on: the frame writes them to `ring`.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for a program whose frame cannot sample; errors of the map updates.
    pub fn start_sampling(&self, ring: &Map, settings: &Settings) -> Result<(), Errno> {
        let rings = self.map(RINGS).ok_or(Errno::EOPNOTSUPP)?;
        rings
            .map
            .update(&KEY, &ring.fd().as_raw_fd().to_ne_bytes())?;
        // The session is written last: the kernel copies the value while the program reads it.
        let prepared = Settings {
            session: 0,
            ..*settings
        };
        self.set_settings(&prepared.bytes())?;
        self.set_settings(&settings.bytes())
    }

    /// Switches samples off. A stage without samples is not an error.
    ///
    /// # Errors
    /// Errors of the map updates.
    pub fn stop_sampling(&self) -> Result<(), Errno> {
        if !self.can_sample() {
            return Ok(());
        }
        self.set_settings(&[0; SETTINGS_SIZE])?;
        let rings = self.map(RINGS).ok_or(Errno::EOPNOTSUPP)?;
        rings.map.delete(&KEY)
    }

    fn set_settings(&self, value: &[u8]) -> Result<(), Errno> {
        let settings = self.map(SETTINGS).ok_or(Errno::EOPNOTSUPP)?;
        settings.map.update(&KEY, value)
    }

    /// Number of samples that found the ring buffer full, on all CPUs since the creation of the counters; `None` if the
    /// frame cannot sample.
    ///
    /// # Errors
    /// Errors of the lookup.
    pub fn lost_samples(&self, scan: &mut Scan) -> Result<Option<u64>, Errno> {
        let Some(map) = self.totals().filter(|_| self.can_sample()) else {
            return Ok(None);
        };
        let copied = scan.value(map, &KEY)?.unwrap_or_default();
        let lost = map.shape().values(copied).map(lost_samples).sum();
        Ok(Some(lost))
    }
}
