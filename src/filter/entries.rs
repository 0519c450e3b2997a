//! The lines of an `ebpf` block that give one map its entries, as the bytes they mean.

use nix::errno::Errno;

use super::{Context, blame};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::escape::Plain;
use crate::config::{Entry, MapId, Those, fit};
use crate::encode::Encoder;
use crate::object::MapDef;

/// One map, and its lines.
pub(super) struct Lines<'a> {
    order: &'a Context<'a>,
    /// The map's id in the block; `None` if no line refers to the map.
    id: Option<MapId>,
    /// Its place among the object's maps.
    pub(super) map: usize,
    pub(super) def: &'a MapDef,
    encoder: Encoder<'a>,
}

impl Context<'_> {
    /// The lines for each of the object's maps.
    pub(super) fn lines(&self) -> impl Iterator<Item = Lines<'_>> {
        let maps = self.object.maps.iter().enumerate();
        maps.map(|(map, def)| Lines {
            order: self,
            id: self.block.map(&def.name).map(|named| named.id),
            map,
            def,
            encoder: Encoder::new(def, self.object.btf()),
        })
    }
}

impl<'a> Lines<'a> {
    /// Whether any line of the block means this map.
    pub(super) const fn are_there(&self) -> bool {
        self.id.is_some()
    }

    /// Each line.
    pub(super) fn entries(&self) -> Those<'a> {
        let Context {
            block, corefile, ..
        } = self.order;
        let entries = |id| block.entries.of(id, corefile);
        self.id.map_or_else(Those::default, entries)
    }

    /// Gives the number, key and value of each line to `see`.
    ///
    /// # Errors
    /// When a line was not checked.
    pub(super) fn each(
        &mut self,
        mut see: impl FnMut(usize, &[u8], &[u8]),
    ) -> Result<(), Diagnostic> {
        let (mut key, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
        let key = key.get_mut(..self.def.key_size as usize);
        let value = value.get_mut(..self.def.value_size as usize);
        // No map that lines may mean has larger ones.
        let (Some(key), Some(value)) = (key, value) else {
            return Ok(());
        };
        for (index, entry) in self.entries().enumerate() {
            self.decode(&entry, key, value)?;
            see(index, key, value);
        }
        Ok(())
    }

    /// Writes key and value of an entry. Both were checked, so what fails here is a fault of ours, told as such.
    pub(super) fn decode(
        &mut self,
        entry: &Entry<'_>,
        key: &mut [u8],
        value: &mut [u8],
    ) -> Result<(), Diagnostic> {
        let (order, size) = (self.order, self.def.value_size as usize);
        let key_size = fit::key(order.corefile, entry, &self.encoder, key).ok();
        let value_size = fit::value(order.corefile, entry, &mut self.encoder, value).ok();
        if (key_size, value_size) == (Some(key.len()), Some(size)) {
            return Ok(());
        }
        let at = entry.at().unwrap_or(order.block.at);
        let what = "was not checked; please report this";
        Err(order.wrong(at, entry.directive(), Blame::Corefile, what.into()))
    }

    /// That the kernel did not take the line of this number; without one, an entry that no line gives any more.
    pub(super) fn refused(&self, index: Option<usize>, errno: Errno) -> Diagnostic {
        let (order, name) = (self.order, Plain(&self.def.name));
        let entry = index.and_then(|index| self.entries().nth(index));
        let at = entry.and_then(|entry| entry.at());
        let directive = entry.map_or("map", |entry| entry.directive());
        let what = match errno {
            Errno::E2BIG => {
                let room = self.def.max_entries;
                format!("{name} is full; it has room for {room} entries")
            }
            Errno::ENOMEM => format!("no memory for this entry of {name}"),
            errno if index.is_none() => {
                format!("an entry of {name} can't be taken away: {}", errno.desc())
            }
            errno => format!("the kernel refused this entry of {name}: {}", errno.desc()),
        };
        order.wrong(at.unwrap_or(order.block.at), directive, blame(errno), what)
    }
}
