//! Definitions of maps, and checks of the kernel's rules for them.

use super::error::Error;
use super::map_kind::MapKind;
use crate::base::hex::Count;
use crate::table::ValueLayout;

/// Flag of `BPF_MAP_CREATE` that the kernel requires for every LPM trie.
const BPF_F_NO_PREALLOC: u32 = 1 << 0;
/// Maximum length of a name in the kernel, in bytes (`BPF_OBJ_NAME_LEN` without the NUL).
const MAX_NAME_LEN: usize = 15;

/// Definition of a map, which comes from the object or from one of its data sections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MapDef {
    /// Name of the map's symbol, or of the data section. The kernel gets [`MapDef::kernel_name`].
    pub name: String,
    /// Map type.
    pub kind: MapKind,
    /// Size of a key in bytes.
    pub key_size: u32,
    /// Size of a value in bytes; in a per-CPU map, of the value for one CPU.
    pub value_size: u32,
    /// Maximum number of entries. 0 for a `perf_event_array` stands for the number of CPUs.
    pub max_entries: u32,
    /// `BPF_F_*` for `BPF_MAP_CREATE`, without `BPF_F_NUMA_NODE`.
    pub flags: u32,
    /// The NUMA node, for `BPF_F_NUMA_NODE` (4.14).
    pub numa_node: Option<u32>,
    /// `map_extra` (5.16); its meaning depends on the kind.
    pub map_extra: u64,
    /// Initial bytes of the single value, for a data section.
    pub initial: Option<Vec<u8>>,
    /// True if the loader must freeze the map after filling it (`BPF_MAP_FREEZE`, 5.2), so that the verifier treats its
    /// content as constant.
    pub freeze: bool,
    /// True if the object requests pinning by name.
    pub pinned: bool,
    /// Definition of the inner maps of a map-in-map; its name is the outer map's name with `.inner`.
    pub inner: Option<Box<MapDef>>,
    /// Static initialisers of a map-in-map: key, and index of the inner map in
    /// [`LinkedObject::maps`](super::LinkedObject::maps).
    pub slots: Vec<(u32, usize)>,
    /// Type ids of key and value in [`LinkedObject::btf`](super::LinkedObject::btf). An id is 0 if the object gives
    /// only the size; `None` if both ids would be 0. The value of a data section is its `DATASEC`.
    pub btf_types: Option<(u32, u32)>,
    /// The role in the object.
    pub role: Role,
}

/// What the keys of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableKind {
    /// Networks of both address families; the longest prefix decides.
    Prefixes,
    /// Domain names; the longest suffix decides.
    Names,
}

/// A table of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    /// What the keys are.
    pub kind: TableKind,
    /// The table as the lines of a Corefile see it: an `lpm_trie` of prefixes or a hash of names. No such map is created.
    pub entries: MapDef,
    /// The members of a value that tables know.
    pub values: ValueLayout,
}

/// The role of a map in its object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// A map of its own.
    #[default]
    Map,
    /// The lines of a table.
    Table(Box<Table>),
    /// Another part of a table.
    Part,
    /// The entries of a table, as the lines of a Corefile see them.
    Entries(TableKind),
}

/// True for a map of this name, type, value size and capacity in which corexdp keeps the offset of the wall clock.
pub fn is_wall_clock(name: &str, kind: MapKind, value_size: usize, max_entries: u32) -> bool {
    (name, kind, value_size, max_entries) == ("wall_clock", MapKind::ARRAY, size_of::<i64>(), 1)
}

impl MapDef {
    /// A definition of kind [`MapKind::UNSPEC`]. Numbers are 0, and optional fields empty.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            kind: MapKind::UNSPEC,
            key_size: 0,
            value_size: 0,
            max_entries: 0,
            flags: 0,
            numa_node: None,
            map_extra: 0,
            initial: None,
            freeze: false,
            pinned: false,
            inner: None,
            slots: Vec::new(),
            btf_types: None,
            role: Role::Map,
        }
    }

    /// True if the number of values or entries depends on the number of possible CPUs.
    pub fn depends_on_cpus(&self) -> bool {
        let one_entry_per_cpu = self.max_entries == 0 && self.kind == MapKind::PERF_EVENT_ARRAY;
        let inner = self.inner.as_deref();
        self.kind.is_per_cpu() || one_entry_per_cpu || inner.is_some_and(Self::depends_on_cpus)
    }

    /// True for the map in which corexdp keeps the offset of the wall clock.
    pub fn is_wall_clock(&self) -> bool {
        is_wall_clock(
            &self.name,
            self.kind,
            self.value_size as usize,
            self.max_entries,
        )
    }

    /// The name for the kernel: at most 15 bytes of letters, digits, `_` and `.` (`.` since 5.2).
    pub fn kernel_name(&self) -> String {
        let allowed = |c: char| {
            if c.is_ascii_alphanumeric() || c == '_' || c == '.' {
                c
            } else {
                '_'
            }
        };
        self.name.chars().take(MAX_NAME_LEN).map(allowed).collect()
    }

    /// Checks the rules whose violation the kernel reports only as `EINVAL`.
    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |what: String| Err(Error::map(&self.name, what));
        let Self {
            kind,
            key_size,
            value_size,
            max_entries,
            ..
        } = *self;
        if kind == MapKind::UNSPEC {
            return refuse(
                "has no type; set one, for example `__uint(type, BPF_MAP_TYPE_HASH)`".into(),
            );
        }
        if max_entries == 0 && !kind.may_be_empty() {
            return refuse(format!("max_entries is 0; {kind} needs at least 1"));
        }
        if kind.is_array() && key_size != 4 {
            return refuse(format!(
                "key is {}; the key of {kind} is a __u32 (4 bytes)",
                Count(key_size as usize)
            ));
        }
        if kind.is_map_in_map() && value_size != 4 {
            return refuse(format!(
                "value is {}; the value of {kind} is a map (4 bytes)",
                Count(value_size as usize)
            ));
        }
        if kind.is_map_in_map() && self.inner.is_none() {
            return refuse(format!(
                "{kind} does not define its inner maps; add `__array(values, struct {{ … }})` as its last member, in section `.maps`"
            ));
        }
        if kind == MapKind::LPM_TRIE {
            return self.check_trie();
        }
        Ok(())
    }

    fn check_trie(&self) -> Result<(), Error> {
        let refuse = |what: String| Err(Error::map(&self.name, what));
        if self.flags & BPF_F_NO_PREALLOC == 0 {
            return refuse("lpm_trie needs `__uint(map_flags, BPF_F_NO_PREALLOC)`".into());
        }
        if !(5..=260).contains(&self.key_size) {
            let size = Count(self.key_size as usize);
            return refuse(format!(
                "key is {size}; the key of lpm_trie is a __u32 prefix length and 1 to 256 bytes"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_names_have_15_allowed_characters() {
        for (name, expected) in [
            ("xdp_map", "xdp_map"),
            (".rodata.str1.1", ".rodata.str1.1"),
            (".data.rel.ro.local", ".data.rel.ro.lo"),
            ("a-b$é", "a_b__"),
        ] {
            assert_eq!(MapDef::new(name).kernel_name(), expected);
        }
    }

    #[test]
    fn check_names_the_kernels_rules() {
        let def = |kind, key_size, value_size, max_entries, flags| MapDef {
            kind: MapKind(kind),
            key_size,
            value_size,
            max_entries,
            flags,
            ..MapDef::new("m")
        };
        for (def, expected) in [
            (def(1, 6, 8, 1, 0), ""),
            (def(4, 4, 4, 0, 0), ""),
            (def(11, 8, 1, 9, 1), ""),
            (def(77, 0, 0, 0, 0), ""),
            (def(0, 4, 4, 1, 0), "has no type"),
            (
                def(1, 4, 4, 0, 0),
                "max_entries is 0; hash needs at least 1",
            ),
            (
                def(6, 8, 4, 1, 0),
                "key is 8 bytes; the key of percpu_array is a __u32",
            ),
            (
                def(13, 4, 8, 1, 0),
                "value is 8 bytes; the value of hash_of_maps is a map",
            ),
            (
                def(12, 4, 4, 1, 0),
                "array_of_maps does not define its inner maps",
            ),
            (
                def(11, 8, 1, 9, 0),
                "lpm_trie needs `__uint(map_flags, BPF_F_NO_PREALLOC)`",
            ),
            (def(11, 4, 1, 9, 1), "key is 4 bytes; the key of lpm_trie"),
        ] {
            let message = def
                .check()
                .err()
                .map_or(String::new(), |error| error.to_string());
            assert_eq!(message.is_empty(), expected.is_empty(), "{message}");
            assert!(message.contains(expected), "{message}");
        }
    }
}
