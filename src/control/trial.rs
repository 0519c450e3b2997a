//! The answer that names the file on trial.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::PACKET;

/// A file on trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial<'a> {
    /// Digest of the content that the daemon runs.
    pub digest: u64,
    /// Absolute path of the daemon's Corefile.
    pub corefile: &'a Path,
    /// Absolute path of the file on trial.
    pub file: &'a Path,
}

impl<'a> Trial<'a> {
    /// The text of the answer; `None` if the paths do not fit into a packet.
    pub(super) fn text(&self) -> Option<Vec<u8>> {
        let paths = [self.corefile, self.file].map(|path| path.as_os_str().as_bytes());
        let text = [&self.digest.to_ne_bytes()[..], &paths.join(&0)].concat();
        (text.len() < PACKET).then_some(text)
    }

    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let (digest, paths) = text.split_first_chunk()?;
        let mut paths = paths.split(|byte| *byte == 0);
        let mut path = || paths.next().map(|path| Path::new(OsStr::from_bytes(path)));
        Some(Self {
            digest: u64::from_ne_bytes(*digest),
            corefile: path()?,
            file: path()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trial_round_trips_and_wrong_texts_are_refused() {
        let trial = Trial {
            digest: u64::MAX,
            corefile: Path::new("/etc/a b"),
            file: Path::new(OsStr::from_bytes(b"/tmp/\xff")),
        };
        assert_eq!(Trial::parse(&trial.text().unwrap()), Some(trial));
        assert_eq!(Trial::parse(b"12345678/etc/Corefile"), None);
        let longest = "a".repeat(PACKET);
        let file = Path::new(&longest);
        assert_eq!(Trial { file, ..trial }.text(), None);
    }
}
