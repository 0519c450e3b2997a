//! Pins: names in the kernel's BPF file system, by which a filter outlives its daemon.
//!
//! Each interface has a [`Folder`], with `link`, the attachment, and a folder for each *state*: a program and its maps,
//! named by their [`Identity`]. A state gets its name when it is complete. It is pinned before its program is attached,
//! and others are removed after. So the attached program always has its state, and whenever the daemon dies, the next one
//! knows what to adopt and what to remove.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;

use super::folder::Folder;
use crate::filter::fingerprint::Identity;
use crate::filter::refusal::PinError;
use crate::kernel::attach::Attachment;
use crate::kernel::errno;
use crate::kernel::map::Map;
use crate::kernel::pin::{self, Kind, Link};
use crate::kernel::program::Program;

const LINK: &str = "link";
const PROGRAM: &str = "program";
/// An incomplete state.
const NEW: &str = "new";

/// The pins of an interface, which this daemon owns.
#[derive(Clone, Debug)]
pub(in crate::filter) struct Pins {
    folder: Rc<Folder>,
}

/// The pin of an attachment.
pub(super) enum LinkPin {
    /// None is there.
    Missing,
    /// An XDP link.
    Present(OwnedFd, Link),
    /// Anything else.
    Foreign,
}

impl Pins {
    pub(super) fn new(folder: Folder) -> Self {
        Self {
            folder: Rc::new(folder),
        }
    }

    fn state(&self, identity: Identity) -> PathBuf {
        self.folder.path().join(format!("{:016x}", identity.0))
    }

    /// Pins a program and its maps, in the object's order, unless they are pinned.
    pub(in crate::filter) fn pin_state<'a>(
        &self,
        identity: Identity,
        program: &Program,
        maps: impl Iterator<Item = &'a Map> + Clone,
    ) -> Result<(), PinError> {
        self.folder.renew()?;
        let folder = self.state(identity);
        if is_state_of(&folder, program)? && has_maps(&folder, maps.clone().count()) {
            return Ok(());
        }
        // A daemon that died may have left one.
        self.remove_new();
        self.make(program, maps, &folder).map_err(|errno| {
            self.remove_new();
            PinError::new(&folder, "cannot be created", Some(errno))
        })
    }

    fn make<'a>(
        &self,
        program: &Program,
        maps: impl Iterator<Item = &'a Map>,
        folder: &Path,
    ) -> Result<(), Errno> {
        let new = self.folder.path().join(NEW);
        let made = DirBuilder::new().mode(0o700).create(&new);
        made.map_err(|error| errno(&error))?;
        pin::pin(program.as_fd(), &new.join(PROGRAM))?;
        for (index, map) in maps.enumerate() {
            pin::pin(map.fd().as_fd(), &new.join(index.to_string()))?;
        }
        // An incomplete state, or one of another program, may have the name.
        match remove(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(errno(&error)),
            _ => {}
        }
        fs::rename(&new, folder).map_err(|error| errno(&error))
    }

    /// Gives a state another name, if the state is pinned.
    pub(in crate::filter) fn rename_state(
        &self,
        from: Identity,
        to: Identity,
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

    /// Marks a state that is not as its name says.
    pub(super) fn mark_broken(&self, identity: Identity) -> Result<(), PinError> {
        if identity != Identity::MODIFIED {
            // Mostly there is none.
            let _ = remove(&self.state(Identity::MODIFIED));
            self.rename_state(identity, Identity::MODIFIED)?;
        }
        Ok(())
    }

    fn remove_new(&self) {
        // Mostly there is none.
        let _ = remove(&self.folder.path().join(NEW));
    }

    /// Pins the attachment, which then outlives this process.
    pub(in crate::filter) fn pin_link(&self, attachment: &mut Attachment) -> Result<(), PinError> {
        attachment.outlive(true);
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
            LinkPin::Present(_, there) if there.id == id => Ok(()),
            _ => {
                self.unpin_link();
                pin::pin(link, &path).map_err(failed)
            }
        }
    }

    /// Removes the pin of the attachment, which then ends with this process.
    pub(in crate::filter) fn unpin_link(&self) {
        // There may be none.
        let _ = fs::remove_file(self.folder.path().join(LINK));
    }

    /// Removes every other state; the next call removes the states that this one could not.
    pub(in crate::filter) fn remove_others(&self, identity: Identity) -> Result<(), PinError> {
        let kept = self.state(identity);
        let states = states(self.folder.path())?.into_iter();
        let mut all = Ok(());
        for folder in states.filter(|folder| *folder != kept) {
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

    /// The state whose program has this id.
    pub(super) fn state_of(&self, id: u32) -> Result<Option<(Identity, Program)>, PinError> {
        for folder in states(self.folder.path())? {
            if let Some((identity, program)) = identity(&folder).zip(program(&folder)?)
                && program.info.id == id
            {
                return Ok(Some((identity, program)));
            }
        }
        Ok(None)
    }

    /// A map of a state, and its path. A pin's name may hold no dot, so `index`, the place in the object, names it.
    pub(super) fn map(
        &self,
        identity: Identity,
        index: usize,
    ) -> Result<(OwnedFd, PathBuf), PinError> {
        let path = self.state(identity).join(index.to_string());
        match pin::get(&path, Kind::Map) {
            Ok(map) => Ok((map, path)),
            Err(errno) => Err(PinError::new(&path, "cannot be opened", Some(errno))),
        }
    }

    /// Folder of the pins.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Names in the folder that corexdp did not make.
    pub(super) fn foreign(&self) -> Vec<PathBuf> {
        let names = fs::read_dir(self.folder.path()).into_iter().flatten();
        let paths = names.flatten().map(|name| name.path());
        let ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name == LINK || name == NEW || identity(path).is_some()
        };
        paths.filter(|path| !ours(path)).collect()
    }
}

/// The pinned attachment in a folder.
pub(super) fn link(folder: &Path) -> Result<LinkPin, PinError> {
    let path = folder.join(LINK);
    let link = match pin::get(&path, Kind::Link) {
        Ok(link) => link,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(LinkPin::Missing),
        // A pin of another kind, or a folder.
        Err(Errno::EINVAL | Errno::EACCES) if path.exists() => return Ok(LinkPin::Foreign),
        Err(errno) => return Err(PinError::new(&path, "cannot be opened", Some(errno))),
    };
    match pin::link(link.as_fd()) {
        Ok(ends) => Ok(LinkPin::Present(link, ends)),
        Err(Errno::EINVAL) => Ok(LinkPin::Foreign),
        Err(errno) => Err(PinError::unknown(&path, errno)),
    }
}

/// Removes all pins in a folder.
pub(super) fn remove_all(folder: &Folder) {
    let path = folder.path();
    // Some may be missing.
    let _ = fs::remove_file(path.join(LINK));
    let _ = remove(&path.join(NEW));
    for state in states(path).unwrap_or_default() {
        let _ = remove(&state);
    }
}

/// The folders of all states of an interface.
pub(super) fn states(folder: &Path) -> Result<Vec<PathBuf>, PinError> {
    let names = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let paths = match names {
        Ok(names) => names.into_iter().map(|name| name.path()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(PinError::unknown(folder, errno(&error))),
    };
    Ok(paths.filter(|path| identity(path).is_some()).collect())
}

/// True if the state is that of this program.
fn is_state_of(folder: &Path, wanted: &Program) -> Result<bool, PinError> {
    let pinned = program(folder)?;
    Ok(pinned.is_some_and(|pinned| pinned.info.id == wanted.info.id))
}

/// True if the state has so many maps.
fn has_maps(folder: &Path, count: usize) -> bool {
    (0..count).all(|index| folder.join(index.to_string()).exists())
}

/// The identity that names a state's folder; `None` for another folder.
fn identity(folder: &Path) -> Option<Identity> {
    let name = folder.file_name()?.to_str()?;
    if name.len() != 16 {
        return None;
    }
    u64::from_str_radix(name, 16).ok().map(Identity)
}

/// The program of a state; `None` if it is missing or no program.
pub(super) fn program(folder: &Path) -> Result<Option<Program>, PinError> {
    let path = folder.join(PROGRAM);
    match pin::get(&path, Kind::Program).and_then(Program::adopt) {
        Ok(program) => Ok(Some(program)),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EINVAL) => Ok(None),
        // A folder.
        Err(Errno::EACCES) if path.is_dir() => Ok(None),
        Err(errno) => Err(PinError::new(&path, "cannot be opened", Some(errno))),
    }
}

/// Removes a state, with whatever it holds.
fn remove(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    for name in fs::read_dir(path)? {
        remove(&name?.path())?;
    }
    fs::remove_dir(path)
}
