//! Checks that a map has room for the entries of its lines and lists.

use super::items::{ItemValue, MapItems};
use crate::base::capacity::MAX_KEY;
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::digest;
use crate::base::escape::Plain;
use crate::base::quantity::Quantity;
use crate::config::{Filter, fit};
use crate::corefile::Corefile;
use crate::encode::Encoder;
use crate::list::Item;
use crate::object::{LinkedObject, map_for_lines};

/// The error for a map with less room than different keys.
pub(super) fn check(
    items: &MapItems,
    block: &Filter,
    object: &LinkedObject,
    corefile: &Corefile,
) -> Option<Diagnostic> {
    let named = block.maps.iter().find(|map| map.id == items.map)?;
    let def = map_for_lines(&object.maps, &named.name)?;
    let capacity = def.max_entries as usize;
    let lines = || block.entries.of_map(items.map, corefile);
    // Few lists are as long as their map: usually nothing is sorted.
    if lines().count() + items.len() <= capacity {
        return None;
    }
    let encoder = Encoder::new(def, object.btf());
    let keys = encoder.item_keys()?;
    let mut key = [0; MAX_KEY];
    let key = key.get_mut(..def.key_size as usize)?;
    let mut digests = Vec::with_capacity(items.len());
    for entry in lines() {
        if fit::key(corefile, &entry, &encoder, key).is_ok() {
            digests.push(digest::of(key));
        }
    }
    let mut visit = |item: &Item<'_>, _: &ItemValue| {
        Encoder::item_key(keys, item, key).map(|()| digests.push(digest::of(key)))
    };
    let _ = items.each(&mut visit);
    digests.sort_unstable();
    digests.dedup();
    let count = digests.len();
    if count <= capacity {
        return None;
    }
    let list = block.lists.iter().rfind(|list| list.map == items.map)?;
    let name = Plain(&def.name);
    let room = Quantity(capacity as u64, "entry");
    let message = format!("{name} has room for {room}; its lines and lists have {count}");
    Some(corefile.diagnostic(list.at, "list", message, Blame::Corefile))
}
