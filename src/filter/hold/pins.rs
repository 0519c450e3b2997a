//! Pins: files in the kernel's BPF file system that keep a filter attached without a daemon.
//!
//! Each interface has a [`Folder`] with the pin `link`, the attachment, and a folder for each *state*: a program and its
//! maps. A state gets its final name once it is complete. A state is pinned before its program is attached, and other
//! states are removed afterwards. So the attached program always has a pinned state, and whenever the daemon dies, the
//! next daemon can tell what to adopt and what to remove.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;

use super::folder::Folder;
use super::states::{self, NEXT_PIN, PROGRAM, remove};
use crate::base::files;
use crate::filter::fingerprint::{Identity, StateKey};
use crate::filter::loaded::{LoadedMap, program_in};
use crate::filter::refusal::PinError;
use crate::kernel::attach::Attachment;
use crate::kernel::map::Map;
use crate::kernel::pin::{self, Kind, Link};
use crate::kernel::program::Program;
use crate::kernel::{errno, info};

/// Name of the pin of the attachment.
const LINK: &str = "link";
/// Folder of an incomplete state.
const NEW: &str = "new";

/// The pins of an interface, which this daemon owns.
#[derive(Clone, Debug)]
pub(in crate::filter) struct Pins {
    folder: Rc<Folder>,
}

/// A stage of a pinned filter.
#[derive(Debug)]
pub(in crate::filter) struct PinnedStage {
    pub(in crate::filter) program: Program,
    pub(in crate::filter) key: StateKey,
}

impl PinnedStage {
    /// The stage of a program without pins.
    ///
    /// # Errors
    /// The errors of [`info::open_program`].
    pub(super) fn by_id(id: u32) -> Result<Self, Errno> {
        let program = info::open_program(id).and_then(Program::adopt)?;
        let key = StateKey {
            identity: Identity::UNKNOWN,
            program: id,
        };
        Ok(Self { program, key })
    }
}

/// The pin of an attachment.
pub(super) enum LinkPin {
    /// The pin does not exist.
    Missing,
    /// The pin of an XDP link.
    Present(OwnedFd, Link),
    /// A pin of another kind, or another file.
    Foreign,
}

impl Pins {
    pub(super) fn new(folder: Folder) -> Self {
        Self {
            folder: Rc::new(folder),
        }
    }

    fn state(&self, key: StateKey) -> PathBuf {
        self.folder.path().join(key.to_string())
    }

    /// Pins a program and its maps, in the object's order, as the state `key`, unless this state is pinned.
    pub(in crate::filter) fn pin_state(
        &self,
        key: StateKey,
        program: &Program,
        maps: &[LoadedMap],
    ) -> Result<(), PinError> {
        self.folder.renew()?;
        let folder = self.state(key);
        if states::has_program(&folder, program)? && states::has_maps(&folder, maps) {
            return Ok(());
        }
        // An earlier daemon may have died while it created a state.
        self.remove_new();
        self.create_state(program, maps, &folder).map_err(|errno| {
            self.remove_new();
            PinError::new(&folder, "cannot be created", Some(errno))
        })
    }

    fn create_state(
        &self,
        program: &Program,
        maps: &[LoadedMap],
        folder: &Path,
    ) -> Result<(), Errno> {
        let new = self.folder.path().join(NEW);
        let created = DirBuilder::new().mode(0o700).create(&new);
        created.map_err(|error| errno(&error))?;
        pin::pin(program.as_fd(), &new.join(PROGRAM))?;
        let names = maps.iter().map(|loaded| loaded.name.as_str());
        for (loaded, name) in maps.iter().zip(states::map_pins(names)) {
            pin::pin(loaded.map.fd().as_fd(), &new.join(name))?;
        }
        // An incomplete state, or a state of another program, may have the name.
        match remove(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(errno(&error)),
            _ => {}
        }
        fs::rename(&new, folder).map_err(|error| errno(&error))
    }

    /// Renames a state. A missing state is not an error.
    pub(in crate::filter) fn rename_state(
        &self,
        from: StateKey,
        to: StateKey,
    ) -> Result<(), PinError> {
        let folder = self.state(from);
        match fs::rename(&folder, self.state(to)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let errno = errno(&error);
                Err(PinError::new(&folder, "cannot be renamed", Some(errno)))
            }
            _ => Ok(()),
        }
    }

    /// Marks a state whose content does not match its name, so that no daemon adopts its maps.
    pub(super) fn mark_broken(&self, key: StateKey) -> Result<(), PinError> {
        let modified = key.modified();
        if key == modified {
            return Ok(());
        }
        // A modified state seldom exists.
        let _ = remove(&self.state(modified));
        self.rename_state(key, modified)
    }

    fn remove_new(&self) {
        // An incomplete state seldom exists.
        let _ = remove(&self.folder.path().join(NEW));
    }

    /// Pins the attachment. The program then stays attached when this process ends.
    pub(in crate::filter) fn pin_link(&self, attachment: &mut Attachment) -> Result<(), PinError> {
        attachment.keep_on_drop();
        let Some(link) = attachment.link() else {
            return Ok(());
        };
        let path = self.folder.path().join(LINK);
        let failed = |errno| PinError::new(&path, "cannot be created", Some(errno));
        match pin::pin(link, &path) {
            Err(Errno::EEXIST) => {}
            other => return other.map_err(failed),
        }
        let id = pin::link(link).map_err(failed)?.id;
        match self.link()? {
            LinkPin::Present(_, pinned) if pinned.id == id => Ok(()),
            _ => {
                self.unpin_link();
                pin::pin(link, &path).map_err(failed)
            }
        }
    }

    /// Removes the pin of the attachment. The program is then detached when this process ends.
    pub(in crate::filter) fn unpin_link(&self) {
        // The pin may not exist.
        let _ = fs::remove_file(self.folder.path().join(LINK));
    }

    /// Removes every state but `kept`. After an error, the next call retries.
    pub(in crate::filter) fn remove_others(&self, kept: &[StateKey]) -> Result<(), PinError> {
        let is_other =
            |folder: &PathBuf| states::key(folder).is_none_or(|key| !kept.contains(&key));
        let states = states::all(self.folder.path())?.into_iter();
        let mut all = Ok(());
        for folder in states.filter(is_other) {
            let removed = remove(&folder)
                .map_err(|error| PinError::new(&folder, "cannot be removed", Some(errno(&error))));
            all = all.and(removed);
        }
        all
    }

    /// Removes all pins of the interface.
    pub(in crate::filter) fn remove_all(&self) {
        remove_all(&self.folder);
    }

    /// The pinned attachment.
    pub(super) fn link(&self) -> Result<LinkPin, PinError> {
        link(self.folder.path())
    }

    /// Finds the stage whose program has this id.
    pub(super) fn stage_of(&self, id: u32) -> Result<Option<PinnedStage>, PinError> {
        for folder in states::all(self.folder.path())? {
            if let Some((key, program)) = states::key(&folder).zip(states::program(&folder)?)
                && program.info.id == id
            {
                return Ok(Some(PinnedStage { program, key }));
            }
        }
        Ok(None)
    }

    /// Id of the program that the kernel runs behind the program of a state; `None` for the last stage.
    pub(super) fn next_of(&self, key: StateKey) -> Result<Option<u32>, PinError> {
        let Some(slot) = self.slot(key)? else {
            return Ok(None);
        };
        let path = self.state(key).join(NEXT_PIN);
        program_in(&slot).map_err(|errno| PinError::unknown(&path, errno))
    }

    /// The map of a state that leads to the next stage; `None` for a program that was loaded as the last stage.
    pub(super) fn slot(&self, key: StateKey) -> Result<Option<Map>, PinError> {
        let (map, path) = match self.map(key, NEXT_PIN) {
            Ok(found) => found,
            Err(error) if error.is_missing_or_wrong() => return Ok(None),
            Err(error) => return Err(error),
        };
        let info = info::map(map.as_fd()).map_err(|errno| PinError::unknown(&path, errno))?;
        Ok(Some(Map::open(map, &info, 1)))
    }

    /// Opens the pin `name` of a map of a state; returns the map and the path.
    pub(super) fn map(&self, key: StateKey, name: &str) -> Result<(OwnedFd, PathBuf), PinError> {
        let path = self.state(key).join(name);
        match pin::get(&path, Kind::Map) {
            Ok(map) => Ok((map, path)),
            Err(errno) => Err(PinError::new(&path, "cannot be opened", Some(errno))),
        }
    }

    /// Folder of the pins.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Paths in the folder that corexdp did not create.
    pub(super) fn foreign(&self) -> Vec<PathBuf> {
        let mut paths = files::paths_in(self.folder.path()).unwrap_or_default();
        paths.retain(|path| {
            let name = path.file_name().unwrap_or_default();
            name != LINK && name != NEW && states::key(path).is_none()
        });
        paths
    }
}

/// Opens the pinned attachment in the folder of an interface.
pub(super) fn link(folder: &Path) -> Result<LinkPin, PinError> {
    let path = folder.join(LINK);
    let link = match pin::get(&path, Kind::Link) {
        Ok(link) => link,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(LinkPin::Missing),
        // The kernel returns EINVAL for a pin of another kind, and EACCES for a folder.
        Err(Errno::EINVAL | Errno::EACCES) if path.exists() => return Ok(LinkPin::Foreign),
        Err(errno) => return Err(PinError::new(&path, "cannot be opened", Some(errno))),
    };
    match pin::link(link.as_fd()) {
        Ok(ends) => Ok(LinkPin::Present(link, ends)),
        Err(Errno::EINVAL) => Ok(LinkPin::Foreign),
        Err(errno) => Err(PinError::unknown(&path, errno)),
    }
}

/// Removes all pins in the folder of an interface.
pub(super) fn remove_all(folder: &Folder) {
    let path = folder.path();
    // Either may be missing.
    let _ = fs::remove_file(path.join(LINK));
    let _ = remove(&path.join(NEW));
    for state in states::all(path).unwrap_or_default() {
        let _ = remove(&state);
    }
}
