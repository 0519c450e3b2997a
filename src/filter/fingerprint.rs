//! Fingerprints: digests of program, maps and entries, by which a reload tells changed parts from unchanged ones.
//!
//! The digests have no random key, since they outlive the process in the names of pins. Their input comes only from the
//! Corefile and its objects, so nobody can provoke collisions by packets.

use std::fmt;
use std::hash::{Hash, Hasher as _};

use super::Context;
use super::entries::lines;
use super::entry_list::{EntryList, list_of};
use crate::base::diagnostic::Diagnostic;
use crate::base::digest::Digest;
use crate::object::frame::is_frame_map;
use crate::object::{LinkedObject, MapDef};

/// Digest of a program, its maps and their entries, without its place in a chain; equal in every process of the same version of corexdp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(pub(super) u64);

/// Bit of an identity whose state is not known to have the content that its other bits stand for.
const MODIFIED: u64 = 1 << 63;

impl Identity {
    /// Identity of a program whose state is unknown.
    pub(super) const UNKNOWN: Self = Self(MODIFIED);

    /// Identity of this state while its entries are being changed.
    pub(super) const fn modified(self) -> Self {
        Self(self.0 | MODIFIED)
    }
}

/// Name of a pinned state. While a filter is replaced, two programs of the same identity may have pinned states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateKey {
    pub(super) identity: Identity,
    /// Id of the program; 0 in a name that an earlier version gave.
    pub(super) program: u32,
}

impl StateKey {
    /// Key of this state while its entries are being changed.
    pub(super) const fn modified(self) -> Self {
        Self {
            identity: self.identity.modified(),
            ..self
        }
    }
}

impl fmt::Display for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { identity, program } = self;
        match program {
            0 => write!(f, "{:016x}", identity.0),
            _ => write!(f, "{:016x}-{program}", identity.0),
        }
    }
}

/// Digests of one stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fingerprint {
    pub(super) identity: Identity,
    /// Digest of program and map definitions; `None` for an adopted stage, whose object is unknown.
    code: Option<u64>,
    /// Digest of the stage's name: lines of decisions name the stage. Without it, two equal stages would share a pinned
    /// state.
    name: u64,
}

/// Fingerprint and entries of the stage that the Corefile describes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) fingerprint: Fingerprint,
    maps: Vec<MapEntries>,
}

/// The entries that the Corefile gives a map.
#[derive(Debug)]
struct MapEntries {
    /// The map's name in the object.
    map: String,
    list: EntryList,
}

impl Fingerprint {
    /// Fingerprint of a stage of `object` whose name has the digest `name`; `lists` has the entries of each map, in the order of the object's maps. The last
    /// maps may be missing: those of a frame that the kernel refused.
    pub(super) fn new<'a>(
        object: &LinkedObject,
        name: u64,
        lists: impl Iterator<Item = &'a EntryList>,
    ) -> Self {
        let mut hasher = Digest::default();
        object.hash_program(&mut hasher);
        let code = hasher.finish();
        let (mut lists, none) = (lists.collect::<Vec<_>>(), EntryList::default());
        lists.resize(object.maps.len(), &none);
        let own = |(def, _): &(&MapDef, _)| !is_frame_map(&def.name);
        for (_, list) in object.maps.iter().zip(lists).filter(own) {
            list.hash(&mut hasher);
        }
        hasher.write_u64(name);
        Self {
            identity: Identity(hasher.finish() & !MODIFIED),
            code: Some(code),
            name,
        }
    }

    /// Fingerprint of an adopted stage whose object is unknown.
    pub(super) const fn foreign(identity: Identity) -> Self {
        Self {
            identity,
            code: None,
            name: 0,
        }
    }

    /// The fingerprint after a change of the object.
    pub(super) fn of_variant<'a>(
        self,
        object: &LinkedObject,
        lists: impl Iterator<Item = &'a EntryList>,
    ) -> Self {
        Self::new(object, self.name, lists)
    }

    /// True if both stages have the same program and the same map definitions.
    pub(super) fn has_code_of(self, other: Self) -> bool {
        self.code.is_some() && self.code == other.code
    }
}

impl Target {
    /// The target of `context`.
    ///
    /// # Errors
    /// An internal error: `config` did not check a line.
    pub(super) fn new(context: &Context<'_>) -> Result<Self, Diagnostic> {
        let mut maps = Vec::with_capacity(context.object.maps.len());
        for mut lines in lines(context) {
            let mut list = EntryList::default();
            match context.planned.table(&lines.def.name) {
                Some(table) => list = list_of(table),
                None => lines.each(&mut |_, _, key, value| {
                    list.add(key, value);
                    Ok(())
                })?,
            }
            list.sort();
            maps.push(MapEntries {
                map: lines.def.name.clone(),
                list,
            });
        }
        let lists = maps.iter().map(|entries| &entries.list);
        Ok(Self {
            fingerprint: Fingerprint::new(context.object, context.name_digest(), lists),
            maps,
        })
    }

    /// The entries that the Corefile gives the map of this name.
    pub(super) fn entries(&self, map: &str) -> Option<&EntryList> {
        let mut maps = self.maps.iter();
        maps.find(|entries| entries.map == map)
            .map(|entries| &entries.list)
    }

    /// Moves the entries of the map of this name out.
    pub(super) fn take_entries(&mut self, map: &str) -> EntryList {
        let mut maps = self.maps.iter_mut();
        let entries = maps.find(|entries| entries.map == map);
        entries.map_or_else(EntryList::default, |entries| {
            std::mem::take(&mut entries.list)
        })
    }
}
