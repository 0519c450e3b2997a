//! The map types of the kernel and their properties.

use std::fmt;

/// A map type: a number of the kernel's `enum bpf_map_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MapKind(pub u32);

/// The properties of one map type.
struct Row {
    /// The name as bpftool spells it.
    name: &'static str,
    /// Set of [`BYTES`], [`INDEXED`], [`PER_CPU`], [`MAPS`], [`TYPED`] and [`UNSIZED`].
    properties: u8,
}

const NONE: u8 = 0;
/// User space reads and writes entries as plain bytes under a key.
const BYTES: u8 = 1 << 0;
/// The key is a `u32` index below `max_entries`.
const INDEXED: u8 = 1 << 1;
/// An entry holds one value for each CPU.
const PER_CPU: u8 = 1 << 2;
/// The values are maps.
const MAPS: u8 = 1 << 3;
/// The kernel accepts BTF types of key and value. The kernel rejects the types for values that are kernel objects, such as
/// maps, devices and sockets.
const TYPED: u8 = 1 << 4;
/// `max_entries` may be 0 in an object: the loader sets the number, for example of CPUs for a `perf_event_array`, or the
/// kernel keeps each entry with a socket, inode, task or cgroup.
const UNSIZED: u8 = 1 << 5;

/// Defines a constant and a row for each map type. Rows are in the order of their numbers, from 0. Constants have the
/// kernel's names without `BPF_MAP_TYPE_`.
macro_rules! kinds {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $name:literal, $properties:expr;)*) => {
        impl MapKind {
            $($(#[$doc])* pub const $constant: Self = Self($number);)*
        }

        const _: () = {
            let mut row = 0;
            $(assert!(row == $number); row += 1;)*
            assert!(row == ROWS.len());
        };

        /// The map types of Linux 6.12, by number.
        const ROWS: &[Row] = &[$(Row { name: $name, properties: $properties }),*];
    };
}

kinds! {
    /// No type. A definition of this type is incomplete.
    UNSPEC = 0, "unspec", TYPED;
    /// A hash table.
    HASH = 1, "hash", BYTES | TYPED;
    /// An array; the key is an index from 0.
    ARRAY = 2, "array", BYTES | INDEXED | TYPED;
    /// Targets of tail calls.
    PROG_ARRAY = 3, "prog_array", NONE;
    /// Perf events, one entry for each CPU. In an object, `max_entries` may be 0.
    PERF_EVENT_ARRAY = 4, "perf_event_array", UNSIZED;
    /// A hash with one value for each CPU.
    PERCPU_HASH = 5, "percpu_hash", BYTES | PER_CPU | TYPED;
    /// An array with one value for each CPU.
    PERCPU_ARRAY = 6, "percpu_array", BYTES | INDEXED | PER_CPU | TYPED;
    /// Stack traces by id.
    STACK_TRACE = 7, "stack_trace", NONE;
    /// Control groups by index.
    CGROUP_ARRAY = 8, "cgroup_array", NONE;
    /// A hash that drops the least recently used entry.
    LRU_HASH = 9, "lru_hash", BYTES | TYPED;
    /// [`MapKind::LRU_HASH`] with one value for each CPU.
    LRU_PERCPU_HASH = 10, "lru_percpu_hash", BYTES | PER_CPU | TYPED;
    /// A trie with longest prefix match (4.11).
    LPM_TRIE = 11, "lpm_trie", BYTES | TYPED;
    /// Maps by index (4.12).
    ARRAY_OF_MAPS = 12, "array_of_maps", INDEXED | MAPS;
    /// Maps by key (4.12).
    HASH_OF_MAPS = 13, "hash_of_maps", MAPS;
    /// Network devices by index (4.14).
    DEVMAP = 14, "devmap", NONE;
    /// Sockets by index (4.14).
    SOCKMAP = 15, "sockmap", NONE;
    /// CPUs that packets are redirected to (4.15).
    CPUMAP = 16, "cpumap", NONE;
    /// `AF_XDP` sockets (4.18).
    XSKMAP = 17, "xskmap", NONE;
    /// Sockets by key (4.18).
    SOCKHASH = 18, "sockhash", NONE;
    /// One value for each control group (4.19).
    CGROUP_STORAGE = 19, "cgroup_storage", TYPED | UNSIZED;
    /// Sockets of a reuseport group (4.19).
    REUSEPORT_SOCKARRAY = 20, "reuseport_sockarray", NONE;
    /// One value for each control group and CPU (4.20).
    PERCPU_CGROUP_STORAGE = 21, "percpu_cgroup_storage", PER_CPU | TYPED | UNSIZED;
    /// A queue, first in, first out (4.20).
    QUEUE = 22, "queue", NONE;
    /// A stack, last in, first out (4.20).
    STACK = 23, "stack", NONE;
    /// One value for each socket (5.2).
    SK_STORAGE = 24, "sk_storage", TYPED | UNSIZED;
    /// Network devices by key (5.4).
    DEVMAP_HASH = 25, "devmap_hash", NONE;
    /// The functions of a kernel structure (5.6).
    STRUCT_OPS = 26, "struct_ops", TYPED | UNSIZED;
    /// Records for user space (5.8).
    RINGBUF = 27, "ringbuf", NONE;
    /// One value for each inode (5.10).
    INODE_STORAGE = 28, "inode_storage", TYPED | UNSIZED;
    /// One value for each task (5.11).
    TASK_STORAGE = 29, "task_storage", TYPED | UNSIZED;
    /// A bloom filter: membership in a set, with false positives (5.16).
    BLOOM_FILTER = 30, "bloom_filter", NONE;
    /// Records from user space (6.1).
    USER_RINGBUF = 31, "user_ringbuf", NONE;
    /// One value for each control group (6.2).
    CGRP_STORAGE = 32, "cgrp_storage", TYPED | UNSIZED;
    /// Memory shared with user space (6.9).
    ARENA = 33, "arena", NONE;
}

impl MapKind {
    fn row(self) -> Option<&'static Row> {
        ROWS.get(usize::try_from(self.0).ok()?)
    }

    /// True if the type has a property. A type that the table does not have is [`TYPED`] and [`UNSIZED`], so that the
    /// kernel decides.
    fn has(self, property: u8) -> bool {
        let properties = self.row().map_or(TYPED | UNSIZED, |row| row.properties);
        properties & property != 0
    }

    /// The name as bpftool spells it; `None` for a number that Linux 6.12 does not know.
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }

    /// True if an entry holds one value for each CPU.
    pub fn is_per_cpu(self) -> bool {
        self.has(PER_CPU)
    }

    /// True if the kernel evicts the least recently used entries, even before the map is full.
    pub const fn is_lru(self) -> bool {
        matches!(self, Self::LRU_HASH | Self::LRU_PERCPU_HASH)
    }

    /// True if the values are maps.
    pub fn is_map_in_map(self) -> bool {
        self.has(MAPS)
    }

    /// True if keys are a `u32` index below `max_entries`.
    pub fn is_array(self) -> bool {
        self.has(INDEXED)
    }

    /// True if user space reads and writes entries as plain bytes under a key.
    pub fn holds_bytes(self) -> bool {
        self.has(BYTES)
    }

    /// True if the kernel accepts BTF types of key and value.
    pub(super) fn takes_types(self) -> bool {
        self.has(TYPED)
    }

    /// True if `max_entries` may be 0.
    pub(super) fn may_be_empty(self) -> bool {
        self.has(UNSIZED)
    }
}

impl fmt::Display for MapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "map type {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_bpftool() {
        for (number, name) in [
            (1, "hash"),
            (2, "array"),
            (6, "percpu_array"),
            (11, "lpm_trie"),
            (27, "ringbuf"),
            (33, "arena"),
        ] {
            assert_eq!(MapKind(number).name(), Some(name));
            assert_eq!(MapKind(number).to_string(), name);
        }
        assert_eq!(MapKind(77).name(), None);
        assert_eq!(MapKind(77).to_string(), "map type 77");
        assert_eq!(MapKind(u32::MAX).to_string(), "map type 4294967295");
    }

    #[test]
    fn properties_match_the_kernel() {
        let numbers = |property: fn(MapKind) -> bool| {
            (0..40)
                .filter(|&number| property(MapKind(number)))
                .collect::<Vec<u32>>()
        };
        assert_eq!(numbers(MapKind::is_per_cpu), [5, 6, 10, 21]);
        assert_eq!(numbers(MapKind::is_map_in_map), [12, 13]);
        assert_eq!(numbers(MapKind::is_array), [2, 6, 12]);
        assert_eq!(numbers(MapKind::holds_bytes), [1, 2, 5, 6, 9, 10, 11]);
        let typed = [
            0, 1, 2, 5, 6, 9, 10, 11, 19, 21, 24, 26, 28, 29, 32, 34, 35, 36, 37, 38, 39,
        ];
        assert_eq!(numbers(MapKind::takes_types), typed);
        let may_be_empty = [4, 19, 21, 24, 26, 28, 29, 32, 34, 35, 36, 37, 38, 39];
        assert_eq!(numbers(MapKind::may_be_empty), may_be_empty);
    }
}
