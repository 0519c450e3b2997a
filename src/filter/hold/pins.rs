//! Pins: names in the kernel's BPF file system, by which a filter outlives its daemon.
//!
//! Below [`ROOT`] each interface has a folder, with `link`, the attachment, and a folder for each *state*: a program and
//! its maps, named by their [`Identity`]. A state gets its name when it is complete. It is pinned before its program is
//! attached, and others are removed after. So the attached program always has its state, and whenever the daemon dies, the
//! next one knows what to adopt and what to remove.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use crate::filter::fingerprint::Identity;
use crate::filter::refusal::PinError;
use crate::kernel::attach::Attachment;
use crate::kernel::errno;
use crate::kernel::interface::Interface;
use crate::kernel::map::Map;
use crate::kernel::pin::{self, Kind};
use crate::kernel::program::Program;

/// The BPF file system.
const MOUNT: &str = "/sys/fs/bpf";
/// The folder of all pins.
const ROOT: &str = "/sys/fs/bpf/corexdp";
const LINK: &str = "link";
const PROGRAM: &str = "program";
/// An incomplete state.
const NEW: &str = "new";

/// The pins of an interface.
#[derive(Clone, Debug)]
pub(in crate::filter) struct Pins {
    folder: PathBuf,
}

/// A filter that an earlier daemon left attached.
#[derive(Debug)]
pub(in crate::filter) struct PinnedFilter {
    /// The attachment, where the kernel has links (5.9).
    pub(in crate::filter) link: Option<OwnedFd>,
    pub(in crate::filter) program: Program,
    pub(in crate::filter) identity: Identity,
}

impl Pins {
    /// Pins of this interface, present or not.
    pub(in crate::filter) fn of(interface: &str) -> Self {
        // The file system allows no dot in a name; an interface may have one.
        let name = interface.replace('%', "%25").replace('.', "%2E");
        Self {
            folder: Path::new(ROOT).join(name),
        }
    }

    fn state(&self, identity: Identity) -> PathBuf {
        self.folder.join(format!("{:016x}", identity.0))
    }

    /// Pins a program and its maps, in the object's order, unless they are pinned.
    pub(in crate::filter) fn pin_state<'a>(
        &self,
        identity: Identity,
        program: &Program,
        maps: impl Iterator<Item = &'a Map>,
    ) -> Result<(), PinError> {
        let folder = self.state(identity);
        let there = folder.try_exists();
        if there.map_err(|error| PinError::unknown(&folder, errno(&error)))? {
            return Ok(());
        }
        is_mounted()?;
        // A daemon that died may have left one.
        self.remove_new();
        self.make(program, maps, &folder).map_err(|errno| {
            self.remove_new();
            let _ = fs::remove_dir(&self.folder);
            PinError::new(&folder, "cannot be created", Some(errno))
        })
    }

    fn make<'a>(
        &self,
        program: &Program,
        maps: impl Iterator<Item = &'a Map>,
        folder: &Path,
    ) -> Result<(), Errno> {
        let new = self.folder.join(NEW);
        fs::create_dir_all(&new).map_err(|error| errno(&error))?;
        pin::pin(program.as_fd(), &new.join(PROGRAM))?;
        for (index, map) in maps.enumerate() {
            pin::pin(map.fd().as_fd(), &new.join(index.to_string()))?;
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

    fn remove_new(&self) {
        // Mostly there is none.
        let _ = remove(&self.folder.join(NEW));
    }

    /// Pins the attachment, which then outlives this process.
    pub(in crate::filter) fn pin_link(&self, attachment: &mut Attachment) -> Result<(), PinError> {
        attachment.outlive(true);
        let Some(link) = attachment.link() else {
            return Ok(());
        };
        let path = self.folder.join(LINK);
        match pin::pin(link, &path) {
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(errno) => Err(PinError::new(&path, "cannot be created", Some(errno))),
        }
    }

    /// Removes the pin of the attachment, which then ends with this process.
    pub(in crate::filter) fn unpin_link(&self) {
        // There may be none.
        let _ = fs::remove_file(self.folder.join(LINK));
    }

    /// Removes every other state; the next call removes the states that this one could not.
    pub(in crate::filter) fn remove_others(&self, identity: Identity) -> Result<(), PinError> {
        let kept = self.state(identity);
        let others = self.states()?.into_iter().filter(|folder| *folder != kept);
        let mut all = Ok(());
        for folder in others {
            let removed = remove(&folder)
                .map_err(|error| PinError::new(&folder, "cannot be removed", Some(errno(&error))));
            all = all.and(removed);
        }
        all
    }

    /// Removes all pins of the interface.
    pub(in crate::filter) fn remove_all(&self) {
        self.unpin_link();
        self.remove_new();
        for folder in self.states().unwrap_or_default() {
            let _ = remove(&folder);
        }
        let _ = fs::remove_dir(&self.folder);
    }

    /// The folders of all states.
    fn states(&self) -> Result<Vec<PathBuf>, PinError> {
        let names = fs::read_dir(&self.folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let paths = match names {
            Ok(names) => names.into_iter().map(|name| name.path()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(PinError::unknown(&self.folder, errno(&error))),
        };
        Ok(paths.filter(|path| identity(path).is_some()).collect())
    }

    /// The filter that an earlier daemon left on `interface`. Pins without an attached program are removed.
    ///
    /// # Errors
    /// When a pin is not corexdp's, or of an earlier interface of this name; nothing is removed then.
    pub(in crate::filter) fn find(
        &self,
        interface: &Interface,
    ) -> Result<Option<PinnedFilter>, PinError> {
        let link = self.link(interface)?;
        let attached = match &link {
            Some((_, program)) => Some(*program),
            None => interface.xdp.map(|(_, id)| id),
        };
        for folder in self.states()? {
            let Some((identity, program)) = identity(&folder).zip(program(&folder)?) else {
                continue;
            };
            if Some(program.info.id) == attached {
                let link = link.map(|(link, _)| link);
                return Ok(Some(PinnedFilter {
                    link,
                    program,
                    identity,
                }));
            }
        }
        if link.is_some() {
            let what = "holds a program that corexdp did not load; remove it";
            return Err(PinError::new(&self.folder.join(LINK), what, None));
        }
        // A daemon died before it attached, or the interface has gone and returned.
        self.remove_all();
        Ok(None)
    }

    /// The pinned attachment, and its program's id.
    fn link(&self, interface: &Interface) -> Result<Option<(OwnedFd, u32)>, PinError> {
        let path = self.folder.join(LINK);
        let refused = |what| PinError::new(&path, what, None);
        let link = match pin::get(&path, Kind::Link) {
            Ok(link) => link,
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            Err(Errno::EINVAL) => return Err(refused("is no attachment; remove it")),
            Err(errno) => return Err(PinError::new(&path, "cannot be opened", Some(errno))),
        };
        match pin::link(&link) {
            Ok(there) if there.interface == interface.index => Ok(Some((link, there.program))),
            Ok(_) => Err(refused("is of an interface that has gone; remove it")),
            Err(Errno::EINVAL) => Err(refused("is no XDP attachment; remove it")),
            Err(errno) => Err(PinError::unknown(&path, errno)),
        }
    }

    /// A map of a state. A pin's name may hold no dot, so `index`, the place in the object, names it.
    pub(in crate::filter) fn map(
        &self,
        identity: Identity,
        index: usize,
    ) -> Result<OwnedFd, PinError> {
        let path = self.state(identity).join(index.to_string());
        pin::get(&path, Kind::Map)
            .map_err(|errno| PinError::new(&path, "cannot be opened", Some(errno)))
    }
}

/// Interfaces with pins, and the folders of the pins.
pub(in crate::filter) fn interfaces() -> Vec<(String, PathBuf)> {
    let names = fs::read_dir(ROOT).into_iter().flatten().flatten();
    let pair = |folder: fs::DirEntry| {
        let name = folder.file_name().into_string().ok()?;
        Some((name.replace("%2E", ".").replace("%25", "%"), folder.path()))
    };
    names.filter_map(pair).collect()
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
fn program(folder: &Path) -> Result<Option<Program>, PinError> {
    let path = folder.join(PROGRAM);
    match pin::get(&path, Kind::Program).and_then(Program::adopt) {
        Ok(program) => Ok(Some(program)),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EINVAL) => Ok(None),
        Err(errno) => Err(PinError::new(&path, "cannot be opened", Some(errno))),
    }
}

/// Fails unless the BPF file system is mounted.
fn is_mounted() -> Result<(), PinError> {
    let path = Path::new(MOUNT);
    match statfs(path) {
        Ok(there) if there.filesystem_type() == BPF_FS_MAGIC => Ok(()),
        Ok(_) | Err(Errno::ENOENT) => {
            let what = "is no BPF file system; `mount -t bpf bpf /sys/fs/bpf` makes it one";
            Err(PinError::new(path, what, None))
        }
        Err(errno) => Err(PinError::unknown(path, errno)),
    }
}

/// Removes a state.
fn remove(folder: &Path) -> io::Result<()> {
    for name in fs::read_dir(folder)? {
        fs::remove_file(name?.path())?;
    }
    fs::remove_dir(folder)
}
