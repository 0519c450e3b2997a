//! Entries: the lines of an `ebpf` block encoded as bytes, and rows of keys and values copied from or to a map.

use nix::errno::Errno;

use super::entry_list::{EntryDigest, find};
use super::refusal::check_interrupted;
use super::{Context, blame};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::escape::Plain;
use crate::base::hex::Upper;
use crate::base::quantity::Quantity;
use crate::config::{Entry, MapEntries, MapId, fit};
use crate::corefile::Token;
use crate::encode::Encoder;
use crate::kernel::describe;
use crate::kernel::map::Shape;
use crate::object::{MapDef, Role};
use crate::plan::lists::MapItems;

/// The lines of an `ebpf` block that refer to one map: items of lists, then `map` and `entry` lines. Of entries with the
/// same key the last takes effect.
pub(super) struct Lines<'a> {
    context: &'a Context<'a>,
    /// Id of the map in the block; `None` if no line refers to the map.
    id: Option<MapId>,
    /// Items of lists; `None` without a list for the map.
    items: Option<&'a MapItems>,
    pub(super) def: &'a MapDef,
    encoder: Encoder<'a>,
}

/// The lines for each map of the object. Maps of variables have none: linking put their lines into the object. Maps of
/// tables have none: the plan has their content. The map of the wall clock has none: corexdp writes it.
pub(super) fn lines<'a>(context: &'a Context<'a>) -> impl Iterator<Item = Lines<'a>> {
    context.object.maps.iter().map(|def| {
        let id = match (&def.initial, &def.role) {
            (None, Role::Map) if !def.is_wall_clock() => {
                context.block.map(&def.name).map(|named| named.id)
            }
            _ => None,
        };
        let mut items = context.planned.lists.items.iter();
        Lines {
            context,
            id,
            items: items.find(|items| Some(items.map) == id),
            def,
            encoder: Encoder::new(def, context.object.btf()),
        }
    })
}

/// Takes number, key and value of an item or line.
type Visit<'v, L> = dyn FnMut(&L, usize, &[u8], &[u8]) -> Result<(), Diagnostic> + 'v;

impl<'a> Lines<'a> {
    /// True if no line refers to the map.
    pub(super) const fn is_empty(&self) -> bool {
        self.id.is_none()
    }

    /// The entries of `map` and `entry` lines.
    fn entries(&self) -> MapEntries<'a> {
        let Context {
            block, corefile, ..
        } = self.context;
        let entries = |id| block.entries.of_map(id, corefile);
        self.id.map_or_else(MapEntries::default, entries)
    }

    /// Calls `visit` with number, key and value of each item and line.
    ///
    /// # Errors
    /// The first error of `visit`, or an internal error: `config` did not check a line.
    pub(super) fn each(&mut self, visit: &mut Visit<'_, Self>) -> Result<(), Diagnostic> {
        let (mut key, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
        let key = key.get_mut(..self.def.key_size as usize);
        let value = value.get_mut(..self.def.value_size as usize);
        // `config` accepts no line for a map with larger keys or values.
        let (Some(key), Some(value)) = (key, value) else {
            return Ok(());
        };
        let mut index = 0;
        if let Some((items, keys)) = self.items.zip(self.encoder.item_keys()) {
            items.each::<Diagnostic>(&mut |item, given| {
                // `plan` keeps no item that the map cannot hold.
                if Encoder::item_key(keys, item, key).is_ok() {
                    visit(self, index, key, &given.bytes)?;
                }
                index += 1;
                Ok(())
            })?;
        }
        for entry in self.entries() {
            self.encode(&entry, key, value)?;
            visit(self, index, key, value)?;
            index += 1;
        }
        Ok(())
    }

    /// Rows of the entries of the sorted list `new` that are not in `old`, or have another value there, each with the
    /// number of its line.
    ///
    /// # Errors
    /// As [`Lines::each`].
    pub(super) fn changed_rows(
        &mut self,
        old: &[EntryDigest],
        new: &[EntryDigest],
        shape: &Shape,
    ) -> Result<Rows<Option<usize>>, Diagnostic> {
        let (mut rows, mut copied) = (Rows::new(shape), vec![0; shape.copy_size()]);
        self.each(&mut |_, line, key, value| {
            let entry = EntryDigest::of(key, value);
            // The last line of a key wins.
            let wins = find(new, entry.key) == Some(entry);
            if wins && find(old, entry.key) != Some(entry) {
                if let Some(first) = copied.get_mut(..value.len()) {
                    first.copy_from_slice(value);
                }
                copy_to_all_cpus(shape, &mut copied);
                rows.push(Some(line), key, &copied);
            }
            Ok(())
        })?;
        Ok(rows)
    }

    /// Encodes an entry to `key` and `value`. `config` has checked the entry, so an error here is a bug of corexdp.
    fn encode(
        &mut self,
        entry: &Entry<'_>,
        key: &mut [u8],
        value: &mut [u8],
    ) -> Result<(), Diagnostic> {
        let (context, size) = (self.context, self.def.value_size as usize);
        let key_size = fit::key(context.corefile, entry, &self.encoder, key).ok();
        let value_size = fit::value(context.corefile, entry, &mut self.encoder, value).ok();
        if (key_size, value_size) == (Some(key.len()), Some(size)) {
            return Ok(());
        }
        let at = entry.at().unwrap_or(context.block.at);
        let what = "internal error: unchecked entry; please report this";
        Err(context.wrong(at, entry.directive(), Blame::Corefile, what.into()))
    }

    /// Fails if a signal that stops the daemon is pending.
    pub(super) fn check_interrupted(&self) -> Result<(), Diagnostic> {
        check_interrupted(self.context)
    }

    /// Error for a map whose entries cannot be read.
    pub(super) fn unread(&self, errno: Errno) -> Diagnostic {
        let (context, name) = (self.context, Plain(&self.def.name));
        let what = format!("cannot read the entries of {name}: {}", describe(errno));
        context.wrong(context.block.at, "map", blame(errno), what)
    }

    /// Warns that the kernel evicted entries of the lines from an LRU map.
    pub(super) fn warn_of_evicted(&self, present: usize, wanted: usize) {
        let (context, name) = (self.context, Plain(&self.def.name));
        let (kind, room) = (self.def.kind, self.def.max_entries);
        let wanted = Quantity(wanted as u64, "entry");
        context.warn(format_args!(
            "{name} has only {present} of {wanted}: the kernel evicts from a map of type {kind} before its room for {room} is used; use a larger map, or a hash"
        ));
    }

    /// Token and directive of item or line `index`.
    fn origin(&self, index: Option<usize>) -> (Token, &'static str) {
        let context = self.context;
        let items = self.items.map_or(0, MapItems::len);
        let line = index.and_then(|index| index.checked_sub(items));
        let entry = line.and_then(|line| self.entries().nth(line));
        let mut lists = context.block.lists.iter();
        let list = lists.find(|list| Some(list.map) == self.id);
        let (at, directive) = match (entry, list) {
            (Some(entry), _) => (entry.at(), entry.directive()),
            (None, Some(list)) if line.is_none() => (Some(list.at), "list"),
            _ => (None, "map"),
        };
        (at.unwrap_or(context.block.at), directive)
    }

    /// Warning about the decision about `key`, which item or line `index` ends.
    pub(super) fn ending(&self, index: usize, key: &[u8]) -> Diagnostic {
        let (at, directive) = self.origin(Some(index));
        let word = self.encoder.key_word(key);
        let word = word.unwrap_or_else(|| Upper(key).to_string());
        let (key, name) = (Plain(&word), Plain(&self.def.name));
        let what = format!("the decision about {key} in {name} ends; the line gives the key");
        self.context.wrong(at, directive, Blame::Corefile, what)
    }

    /// Error for an entry that the kernel rejected: item or line `index`, or `None` for an entry being deleted.
    pub(super) fn refused(&self, index: Option<usize>, errno: Errno) -> Diagnostic {
        let (context, name) = (self.context, Plain(&self.def.name));
        let (at, directive) = self.origin(index);
        let what = match errno {
            Errno::E2BIG => {
                let room = Quantity(self.def.max_entries.into(), "entry");
                format!("{name} is full; it has room for {room}")
            }
            Errno::ENOMEM => format!("no memory for this entry of {name}"),
            errno if index.is_none() => {
                format!("cannot delete an entry of {name}: {}", describe(errno))
            }
            errno => format!(
                "the kernel refused this entry of {name}: {}",
                describe(errno)
            ),
        };
        context.wrong(at, directive, blame(errno), what)
    }
}

/// Copies the value of the first CPU to all CPUs. Does nothing for a map that is not per-CPU.
pub(super) fn copy_to_all_cpus(shape: &Shape, copied: &mut [u8]) {
    if copied.len() == shape.value_size {
        return;
    }
    if let Some(padding) = copied.get_mut(shape.value_size..shape.stride()) {
        padding.fill(0);
    }
    if let Some((first, others)) = copied.split_at_mut_checked(shape.stride()) {
        for other in others.chunks_exact_mut(shape.stride().max(1)) {
            other.copy_from_slice(first);
        }
    }
}

/// Rows of key and value, in the layout that the kernel copies, each with a note of type `T`.
#[derive(Debug)]
pub(super) struct Rows<T> {
    key_size: usize,
    copy_size: usize,
    notes: Vec<T>,
    keys: Vec<u8>,
    values: Vec<u8>,
}

/// A row of [`Rows`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a, T> {
    pub(super) note: T,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<T: Copy> Rows<T> {
    pub(super) fn new(shape: &Shape) -> Self {
        Self {
            key_size: shape.key_size,
            copy_size: shape.copy_size(),
            notes: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.notes.len()
    }

    /// Appends a row. A short value is padded with zeros.
    pub(super) fn push(&mut self, note: T, key: &[u8], value: &[u8]) {
        self.notes.push(note);
        self.keys.extend_from_slice(key);
        self.values.extend_from_slice(value);
        self.values.resize(self.len() * self.copy_size, 0);
    }

    pub(super) fn get(&self, row: usize) -> Option<Row<'_, T>> {
        Some(Row {
            note: *self.notes.get(row)?,
            key: self.keys.chunks_exact(self.key_size).nth(row)?,
            value: self.values.chunks_exact(self.copy_size).nth(row)?,
        })
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Row<'_, T>> {
        (0..self.len()).filter_map(|row| self.get(row))
    }
}
