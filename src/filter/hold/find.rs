//! Finds filters that earlier daemons left attached. The filter of the interface is adopted; pins of other filters are
//! moved, removed or reported.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::folder::{self, Folder};
use super::pins::{self, LinkPin, PinnedStage, Pins};
use super::states;
use crate::base::capacity::MAX_STAGES;
use crate::filter::fingerprint::Identity;
use crate::filter::refusal::PinError;
use crate::kernel::describe;
use crate::kernel::interface::{self, Interface};
use crate::kernel::pin::Link;
use crate::log::Log;

/// A filter that an earlier daemon left attached.
#[derive(Debug)]
pub(in crate::filter) struct PinnedFilter {
    pub(in crate::filter) pins: Pins,
    /// The pinned link; `None` if the filter was attached by netlink (before 5.9).
    pub(in crate::filter) link: Option<OwnedFd>,
    /// The stage whose program is attached.
    pub(in crate::filter) head: PinnedStage,
    /// The other stages, in the order in which the kernel runs them.
    pub(in crate::filter) behind: Vec<PinnedStage>,
}

/// Finds the filter that an earlier daemon left on `interface`, whose present name is `name`. Pins of another interface
/// in the folder of that name are removed if their filter is detached, else moved away.
///
/// # Errors
/// When a running daemon owns the pins, another user may write to their folder, or the pins cannot be read.
pub(super) fn find(
    name: &str,
    interface: &Interface,
    log: &Log,
) -> Result<Option<PinnedFilter>, PinError> {
    let own = folder::path(name)?;
    if let Some(mut folder) = Folder::open(own.clone())? {
        let link = pins::link(folder.path())?;
        if !make_room(&mut folder, name, Some(interface), &link, log)?
            && let Some(found) = attached_filter(Pins::new(folder), interface, link, name, log)?
        {
            return Ok(Some(found));
        }
    }
    // The interface may have had another name, or been in another namespace.
    for path in folder::all() {
        let Ok(LinkPin::Present(_, ends)) = pins::link(&path) else {
            continue;
        };
        if path == own || !is_on(ends, interface) {
            continue;
        }
        if let Some(mut folder) = Folder::open(path)? {
            folder.rename(own)?;
            let link = pins::link(folder.path())?;
            return attached_filter(Pins::new(folder), interface, link, name, log);
        }
        break;
    }
    Ok(None)
}

/// Creates and locks the folder of pins for the interface `name`; `interface` is `None` while the interface is missing.
///
/// # Errors
/// The errors of [`find`].
pub(super) fn create(
    name: &str,
    interface: Option<&Interface>,
    log: &Log,
) -> Result<Pins, PinError> {
    let own = folder::path(name)?;
    let mut folder = Folder::create(own.clone())?;
    let link = pins::link(folder.path())?;
    if make_room(&mut folder, name, interface, &link, log)? {
        drop(folder);
        folder = Folder::create(own)?;
    }
    Ok(Pins::new(folder))
}

/// True if the link attaches its program to this interface. Another namespace may have an interface of the same index,
/// but ids of programs are unique.
fn is_on(link: Link, interface: &Interface) -> bool {
    let same = |(mode, id): (Option<_>, u32)| mode.is_none() || id == link.program;
    link.interface == interface.index && interface.xdp.is_some_and(same)
}

/// Empties the folder, or moves it away, if its pins belong to an interface other than `interface`. Returns false if the
/// pins may belong to `interface`.
fn make_room(
    folder: &mut Folder,
    name: &str,
    interface: Option<&Interface>,
    link: &LinkPin,
    log: &Log,
) -> Result<bool, PinError> {
    match link {
        LinkPin::Missing => return Ok(false),
        LinkPin::Present(_, ends) if interface.is_some_and(|found| is_on(*ends, found)) => {
            return Ok(false);
        }
        LinkPin::Present(_, Link { interface: 0, .. }) => {
            log.warn(format_args!(
                "{name}: the interface that an earlier daemon filtered has gone; its pins are removed"
            ));
            pins::remove_all(folder);
        }
        LinkPin::Present(..) => {
            let path = folder.set_aside()?.display();
            log.warn(format_args!(
                "{name}: an earlier daemon left a filter that is now on another interface; its pins are moved to {path}"
            ));
        }
        LinkPin::Foreign => {
            let path = folder.set_aside()?.display();
            log.warn(format_args!(
                "{name}: the pin of the attachment is not an XDP link; all pins are moved to {path}"
            ));
        }
    }
    Ok(true)
}

/// The filter of these pins, if it is attached to `interface`. Otherwise removes the pins.
fn attached_filter(
    pins: Pins,
    interface: &Interface,
    link: LinkPin,
    name: &str,
    log: &Log,
) -> Result<Option<PinnedFilter>, PinError> {
    let (link, id) = match link {
        LinkPin::Present(link, ends) => (Some(link), Some(ends.program)),
        _ => (None, interface.xdp.map(|(_, id)| id)),
    };
    let stage = id.map(|id| pins.stage_of(id)).transpose()?.flatten();
    let head = match (stage, &link, id) {
        (Some(stage), ..) => stage,
        (None, Some(_), Some(id)) => match PinnedStage::by_id(id) {
            Ok(stage) => stage,
            Err(errno) => {
                let (path, why) = (pins.path().display(), describe(errno));
                log.warn(format_args!(
                    "{name}: {path} lacks the pin of the program, and the program cannot be opened by its id: {why}; the filter is removed and attached again"
                ));
                pins.remove_all();
                return Ok(None);
            }
        },
        _ => {
            // The earlier daemon died before it attached the filter, or the interface was removed and created again.
            pins.remove_all();
            return Ok(None);
        }
    };
    let behind = stages_behind(&pins, &head)?;
    Ok(Some(PinnedFilter {
        pins,
        link,
        head,
        behind,
    }))
}

/// The stages that the kernel runs behind `head`. A stage whose state is not pinned ends the chain.
fn stages_behind(pins: &Pins, head: &PinnedStage) -> Result<Vec<PinnedStage>, PinError> {
    let mut stages: Vec<PinnedStage> = Vec::new();
    while stages.len() < MAX_STAGES {
        let last = stages.last().unwrap_or(head);
        let Some(id) = pins.next_of(last.key)? else {
            break;
        };
        let stage = match pins.stage_of(id)? {
            Some(stage) => stage,
            None => match PinnedStage::by_id(id) {
                Ok(stage) => stage,
                Err(_) => break,
            },
        };
        stages.push(stage);
    }
    Ok(stages)
}

impl PinnedFilter {
    /// Warns of files that corexdp did not create, and of a missing pin of the program.
    pub(in crate::filter) fn warn(&self, name: &str, log: &Log) {
        for path in self.pins.foreign() {
            let path = path.display();
            log.warn(format_args!(
                "{name}: {path} is not corexdp's, and is ignored"
            ));
        }
        // Without the pin, the program was opened by its id.
        let is_unpinned = |stage: &PinnedStage| stage.key.identity == Identity::UNKNOWN;
        if is_unpinned(&self.head) || self.behind.iter().any(is_unpinned) {
            let path = self.pins.path().display();
            log.warn(format_args!(
                "{name}: {path} lacks the pin of the program, so the filter is replaced"
            ));
        }
    }
}

/// Warns of filters that earlier daemons left on interfaces of this namespace, and removes pins of detached filters. The
/// caller must own the pins of all its interfaces by now: pins without an owner belong to no running daemon.
pub fn tidy(log: &Log) {
    for path in folder::all() {
        // `None` if another daemon owns the pins.
        let Some(folder) = Folder::open_stale(path) else {
            continue;
        };
        match pins::link(folder.path()) {
            Ok(LinkPin::Present(_, Link { interface: 0, .. })) => pins::remove_all(&folder),
            Ok(LinkPin::Present(_, link)) => warn_of(&folder, link, log),
            Ok(LinkPin::Missing) => tidy_states(&folder, log),
            _ => {}
        }
    }
}

/// Warns of a filter that is attached to an interface of this namespace.
fn warn_of(folder: &Folder, link: Link, log: &Log) {
    let Ok(name) = nix::net::if_::if_indextoname(link.interface) else {
        return;
    };
    let name = name.to_string_lossy();
    if let Ok(Some(interface)) = interface::find(&name)
        && is_on(link, &interface)
    {
        warn(&name, folder.path(), log);
    }
}

/// Does the work of [`tidy`] for pins without a link: the kernel has no links (before 5.9), or the daemon died before it
/// attached the filter.
fn tidy_states(folder: &Folder, log: &Log) {
    let Some(name) = folder::interface(folder.path()) else {
        return;
    };
    let Ok(interface) = interface::find(&name) else {
        return;
    };
    let attached = interface.and_then(|found| found.xdp).map(|(_, id)| id);
    let states = states::all(folder.path()).unwrap_or_default();
    let id = |state: &PathBuf| Some(states::program(state).ok()??.info.id);
    if attached.is_some() && states.iter().any(|state| id(state) == attached) {
        warn(&name, folder.path(), log);
    } else {
        pins::remove_all(folder);
    }
}

fn warn(name: &str, folder: &Path, log: &Log) {
    let folder = folder.display();
    log.warn(format_args!(
        "{name}: an earlier daemon left a filter in place that this Corefile does not name; `rm -r {folder}` ends it"
    ));
}
