//! Fingerprints: digests of program, maps and entries, by which a reload tells changed parts from unchanged ones.
//!
//! The digests have no random key, since they outlive the process in the names of pins. Their input comes only from the
//! Corefile and its objects, so nobody can provoke collisions by packets.

use std::hash::{Hash, Hasher as _};

use super::Context;
use super::entries::lines;
use super::entry_list::EntryList;
use crate::base::diagnostic::Diagnostic;
use crate::base::digest::Digest;
use crate::object::LinkedObject;

/// Digest of a program, its maps and their entries, equal in every process of the same version of corexdp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(pub(super) u64);

impl Identity {
    /// Identity of a state whose entries are being changed.
    pub(super) const MODIFIED: Self = Self(0);
}

/// Digests of one filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fingerprint {
    pub(super) identity: Identity,
    /// Digest of program and map definitions; `None` for an adopted filter, whose object is unknown.
    code: Option<u64>,
}

/// Fingerprint and entries of the filter that the Corefile describes.
#[derive(Debug)]
pub struct Target {
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
    /// Fingerprint of a filter of `object`; `lists` has the entries of each map, in the order of the object's maps. The last
    /// maps may be missing: those of a frame that the kernel refused, which have no entries.
    pub(super) fn new<'a>(
        object: &LinkedObject,
        lists: impl Iterator<Item = &'a EntryList>,
    ) -> Self {
        let mut hasher = Digest::default();
        object.hash_program(&mut hasher);
        let code = hasher.finish();
        let (mut lists, none) = (lists.collect::<Vec<_>>(), EntryList::default());
        lists.resize(object.maps.len(), &none);
        lists.hash(&mut hasher);
        // 0 is reserved for Identity::MODIFIED.
        let identity = Identity(hasher.finish().max(1));
        Self {
            identity,
            code: Some(code),
        }
    }

    /// Fingerprint of an adopted filter whose object is unknown.
    pub(super) const fn foreign(identity: Identity) -> Self {
        Self {
            identity,
            code: None,
        }
    }

    /// True if both filters have the same program and the same map definitions.
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
            lines.each(|_, key, value| list.add(key, value))?;
            maps.push(MapEntries {
                map: lines.def.name.clone(),
                list,
            });
        }
        let lists = maps.iter().map(|entries| &entries.list);
        Ok(Self {
            fingerprint: Fingerprint::new(context.object, lists),
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
