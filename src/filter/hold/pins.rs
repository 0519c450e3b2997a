//! `exit hold`: a filter that outlives its daemon, by names in the kernel's BPF file system.
//!
//! Below [`ROOT`] each interface has a folder. In it stand `link`, the attachment, and a folder for each state: the
//! program and the maps, named by the digest of what they were made from. The state is pinned before its program is
//! attached, and others are removed after, so that at any moment the program that is attached has its state: whenever
//! the daemon dies, the next one knows what to adopt and what to clear away. A state gets its name when it is complete.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use super::error::PinError;
use crate::filter::fingerprint::Identity;
use crate::kernel::attach::Attachment;
use crate::kernel::errno;
use crate::kernel::interface::Interface;
use crate::kernel::map::Map;
use crate::kernel::pin::{self, Kind};
use crate::kernel::program::Program;

/// The BPF file system.
const MOUNT: &str = "/sys/fs/bpf";
/// Where all pins are.
const ROOT: &str = "/sys/fs/bpf/corexdp";
const LINK: &str = "link";
const PROGRAM: &str = "program";
/// A state that is being made.
const NEW: &str = "new";

/// The pins of an interface.
#[derive(Clone, Debug)]
pub(in crate::filter) struct Pins {
    folder: PathBuf,
}

/// What an earlier daemon left in place.
#[derive(Debug)]
pub(in crate::filter) struct PinnedFilter {
    /// The attachment, where the kernel has links.
    pub(in crate::filter) link: Option<OwnedFd>,
    pub(in crate::filter) program: Program,
    pub(in crate::filter) identity: Identity,
}

impl Pins {
    /// Those of this interface, be there any or not.
    pub(in crate::filter) fn of(interface: &str) -> Self {
        // A file there can't have a dot in its name; an interface can.
        let name = interface.replace('%', "%25").replace('.', "%2E");
        Self {
            folder: Path::new(ROOT).join(name),
        }
    }

    fn state(&self, identity: Identity) -> PathBuf {
        self.folder.join(format!("{:016x}", identity.0))
    }

    /// Pins a program that is about to be attached, and its maps, unless that was done before.
    pub(in crate::filter) fn keep_state(
        &self,
        identity: Identity,
        program: &Program,
        maps: &[Map],
    ) -> Result<(), PinError> {
        let folder = self.state(identity);
        let there = folder.try_exists();
        if there.map_err(|error| PinError::unknown(&folder, errno(&error)))? {
            return Ok(());
        }
        is_mounted()?;
        // Left by a daemon that died on the way.
        self.forget_new();
        self.make(program, maps, &folder).map_err(|errno| {
            self.forget_new();
            let _ = fs::remove_dir(&self.folder);
            PinError::new(&folder, "can't be made", Some(errno))
        })
    }

    fn make(&self, program: &Program, maps: &[Map], folder: &Path) -> Result<(), Errno> {
        let new = self.folder.join(NEW);
        fs::create_dir_all(&new).map_err(|error| errno(&error))?;
        pin::pin(program.as_fd(), &new.join(PROGRAM))?;
        for (index, map) in maps.iter().enumerate() {
            pin::pin(map.fd().as_fd(), &new.join(index.to_string()))?;
        }
        fs::rename(&new, folder).map_err(|error| errno(&error))
    }

    /// Gives a state another name, if it is there.
    ///
    /// # Errors
    /// When it can't be renamed.
    pub(in crate::filter) fn rename_state(
        &self,
        from: Identity,
        to: Identity,
    ) -> Result<(), PinError> {
        let folder = self.state(from);
        match fs::rename(&folder, self.state(to)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let errno = errno(&error);
                Err(PinError::new(&folder, "can't be renamed", Some(errno)))
            }
            _ => Ok(()),
        }
    }

    fn forget_new(&self) {
        // Mostly it is not there.
        let _ = remove(&self.folder.join(NEW));
    }

    /// Pins the attachment, which then outlives this process.
    pub(in crate::filter) fn keep_link(&self, attachment: &mut Attachment) -> Result<(), PinError> {
        attachment.outlive(true);
        let Some(link) = attachment.link() else {
            return Ok(());
        };
        let path = self.folder.join(LINK);
        match pin::pin(link, &path) {
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(errno) => Err(PinError::new(&path, "can't be made", Some(errno))),
        }
    }

    /// Lets the attachment end with this process again.
    pub(in crate::filter) fn forget_link(&self) {
        // It may not be there.
        let _ = fs::remove_file(self.folder.join(LINK));
    }

    /// Removes every state but this one. What can't be removed now is removed the next time.
    ///
    /// # Errors
    /// What can't be.
    pub(in crate::filter) fn forget_others(&self, identity: Identity) -> Result<(), PinError> {
        let kept = self.state(identity);
        let others = self.states()?.into_iter().filter(|folder| *folder != kept);
        let mut all = Ok(());
        for folder in others {
            let removed = remove(&folder)
                .map_err(|error| PinError::new(&folder, "can't be removed", Some(errno(&error))));
            all = all.and(removed);
        }
        all
    }

    /// Removes everything.
    pub(in crate::filter) fn forget(&self) {
        self.forget_link();
        self.forget_new();
        for folder in self.states().unwrap_or_default() {
            let _ = remove(&folder);
        }
        let _ = fs::remove_dir(&self.folder);
    }

    /// The folders of all states; none where there is no folder for them.
    fn states(&self) -> Result<Vec<PathBuf>, PinError> {
        let names = fs::read_dir(&self.folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let paths = match names {
            Ok(names) => names.into_iter().map(|name| name.path()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(PinError::unknown(&self.folder, errno(&error))),
        };
        Ok(paths.filter(|path| identity(path).is_some()).collect())
    }

    /// What an earlier daemon left in place on `interface`. What it left half made is removed.
    ///
    /// # Errors
    /// What is no pin of ours, or of another interface that had this name; nothing is removed then.
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
        // Nothing of it is attached: a daemon died before it was, or the interface has gone and returned.
        self.forget();
        Ok(None)
    }

    /// The pinned attachment, and its program's id.
    fn link(&self, interface: &Interface) -> Result<Option<(OwnedFd, u32)>, PinError> {
        let path = self.folder.join(LINK);
        let trouble = |what| PinError::new(&path, what, None);
        let link = match pin::get(&path, Kind::Link) {
            Ok(link) => link,
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            Err(Errno::EINVAL) => return Err(trouble("is no attachment; remove it")),
            Err(errno) => return Err(PinError::new(&path, "can't be opened", Some(errno))),
        };
        match pin::link(&link) {
            Ok(there) if there.interface == interface.index => Ok(Some((link, there.program))),
            Ok(_) => Err(trouble("is of an interface that has gone; remove it")),
            Err(Errno::EINVAL) => Err(trouble("is no XDP attachment; remove it")),
            Err(errno) => Err(PinError::unknown(&path, errno)),
        }
    }

    /// The maps of a state, as the kernel has them, `count` of them.
    pub(in crate::filter) fn maps(
        &self,
        identity: Identity,
        count: usize,
    ) -> Result<Vec<OwnedFd>, PinError> {
        let folder = self.state(identity);
        let open = |index: usize| {
            let path = folder.join(index.to_string());
            pin::get(&path, Kind::Map)
                .map_err(|errno| PinError::new(&path, "can't be opened", Some(errno)))
        };
        (0..count).map(open).collect()
    }
}

/// The interfaces for which there are pins, and where.
pub(in crate::filter) fn interfaces() -> Vec<(String, PathBuf)> {
    let names = fs::read_dir(ROOT).into_iter().flatten().flatten();
    let pair = |folder: fs::DirEntry| {
        let name = folder.file_name().into_string().ok()?;
        Some((name.replace("%2E", ".").replace("%25", "%"), folder.path()))
    };
    names.filter_map(pair).collect()
}

/// The digest that a state's folder has for a name.
fn identity(folder: &Path) -> Option<Identity> {
    let name = folder.file_name()?.to_str()?;
    if name.len() != 16 {
        return None;
    }
    u64::from_str_radix(name, 16).ok().map(Identity)
}

/// The program of a state; `None` for what is none.
fn program(folder: &Path) -> Result<Option<Program>, PinError> {
    let path = folder.join(PROGRAM);
    match pin::get(&path, Kind::Program).and_then(Program::adopt) {
        Ok(program) => Ok(Some(program)),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EINVAL) => Ok(None),
        Err(errno) => Err(PinError::new(&path, "can't be opened", Some(errno))),
    }
}

/// Fails unless there can be pins.
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
