//! Folders of *states*. A state is a program and its maps, pinned in a folder whose name is their [`StateKey`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::base::files;
use crate::filter::fingerprint::{Identity, StateKey};
use crate::filter::loaded::LoadedMap;
use crate::filter::refusal::PinError;
use crate::kernel::errno;
use crate::kernel::pin::{self, Kind};
use crate::kernel::program::Program;
use crate::object::frame::NEXT;

/// Name of the pin of the program.
pub(super) const PROGRAM: &str = "program";

/// Name of the pin of the map that leads to the next stage.
pub(super) const NEXT_PIN: &str = "next";

/// Folders of all states in the folder of an interface.
pub(super) fn all(folder: &Path) -> Result<Vec<PathBuf>, PinError> {
    match files::paths_in(folder) {
        Ok(mut paths) => {
            paths.retain(|path| key(path).is_some());
            Ok(paths)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(PinError::unknown(folder, errno(&error))),
    }
}

/// True if the state in `folder` is a state of the program `wanted`.
pub(super) fn has_program(folder: &Path, wanted: &Program) -> Result<bool, PinError> {
    let pinned = program(folder)?;
    Ok(pinned.is_some_and(|pinned| pinned.info.id == wanted.info.id))
}

/// Names of the pins of maps, given the maps' names in the object's order. A pin has a number, since names of maps may
/// contain dots, which the BPF file system forbids. The map that leads to the next stage has a name and no number, so that
/// a daemon finds it without the object, and the numbers do not depend on the place in the chain.
pub(super) fn map_pins<'a>(names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
    let mut number = 0_usize;
    names.map(move |name| {
        if name == NEXT {
            return NEXT_PIN.into();
        }
        number += 1;
        (number - 1).to_string()
    })
}

/// True if the state in `folder` has a pin for each map.
pub(super) fn has_maps(folder: &Path, maps: &[LoadedMap]) -> bool {
    let mut pins = map_pins(maps.iter().map(|loaded| loaded.name.as_str()));
    pins.all(|pin| folder.join(pin).exists())
}

/// Key in the name of a state's folder; `None` for the name of another folder.
pub(super) fn key(folder: &Path) -> Option<StateKey> {
    let name = folder.file_name()?.to_str()?;
    let (identity, program) = name.split_at_checked(16)?;
    let program = match program.strip_prefix('-') {
        Some(program) => program.parse().ok()?,
        None if program.is_empty() => 0,
        None => return None,
    };
    let identity = u64::from_str_radix(identity, 16).ok().map(Identity)?;
    Some(StateKey { identity, program })
}

/// Opens the pinned program of the state in `folder`; `None` if the pin is missing or no program.
pub(super) fn program(folder: &Path) -> Result<Option<Program>, PinError> {
    let path = folder.join(PROGRAM);
    match pin::get(&path, Kind::Program).and_then(Program::adopt) {
        Ok(program) => Ok(Some(program)),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EINVAL) => Ok(None),
        // The kernel returns EACCES for a folder.
        Err(Errno::EACCES) if path.is_dir() => Ok(None),
        Err(errno) => Err(PinError::new(&path, "cannot be opened", Some(errno))),
    }
}

/// Removes a pin, or a folder with all its content.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    for path in files::paths_in(path)? {
        remove(&path)?;
    }
    fs::remove_dir(path)
}
