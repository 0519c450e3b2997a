//! The kinds of maps that the kernel has.

use std::fmt;

/// A kind of map: a number of the kernel's `enum bpf_map_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MapKind(pub u32);

/// Kinds by number, spelled as bpftool spells them.
const NAMES: [&str; 34] = [
    "unspec",
    "hash",
    "array",
    "prog_array",
    "perf_event_array",
    "percpu_hash",
    "percpu_array",
    "stack_trace",
    "cgroup_array",
    "lru_hash",
    "lru_percpu_hash",
    "lpm_trie",
    "array_of_maps",
    "hash_of_maps",
    "devmap",
    "sockmap",
    "cpumap",
    "xskmap",
    "sockhash",
    "cgroup_storage",
    "reuseport_sockarray",
    "percpu_cgroup_storage",
    "queue",
    "stack",
    "sk_storage",
    "devmap_hash",
    "struct_ops",
    "ringbuf",
    "inode_storage",
    "task_storage",
    "bloom_filter",
    "user_ringbuf",
    "cgrp_storage",
    "arena",
];

impl MapKind {
    /// No kind at all; a definition that says this says nothing.
    pub const UNSPEC: Self = Self(0);
    /// Any key, preallocated.
    pub const HASH: Self = Self(1);
    /// Index from 0.
    pub const ARRAY: Self = Self(2);
    /// Programs to tail-call.
    pub const PROG_ARRAY: Self = Self(3);
    /// Perf events; its number of entries is the number of CPUs when the object says 0.
    pub const PERF_EVENT_ARRAY: Self = Self(4);
    /// A hash with one value for each CPU.
    pub const PERCPU_HASH: Self = Self(5);
    /// An array with one value for each CPU.
    pub const PERCPU_ARRAY: Self = Self(6);
    /// A hash that drops the least recently used entry.
    pub const LRU_HASH: Self = Self(9);
    /// The same, with one value for each CPU.
    pub const LRU_PERCPU_HASH: Self = Self(10);
    /// Longest prefix match (4.11).
    pub const LPM_TRIE: Self = Self(11);
    /// Maps by index (4.12).
    pub const ARRAY_OF_MAPS: Self = Self(12);
    /// Maps by key (4.12).
    pub const HASH_OF_MAPS: Self = Self(13);

    /// The kind's name in bpftool's spelling; `None` for a number that Linux 6.12 doesn't know.
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(usize::try_from(self.0).ok()?).copied()
    }

    /// Whether an entry holds one value for each CPU.
    pub const fn is_per_cpu(self) -> bool {
        matches!(self.0, 5 | 6 | 10 | 21)
    }

    /// Whether the values are maps.
    pub const fn is_map_in_map(self) -> bool {
        matches!(self, Self::ARRAY_OF_MAPS | Self::HASH_OF_MAPS)
    }

    /// Whether keys are a `u32` index below the number of entries.
    pub const fn is_array(self) -> bool {
        matches!(self, Self::ARRAY | Self::PERCPU_ARRAY | Self::ARRAY_OF_MAPS)
    }

    /// Whether its entries are plain bytes under a key, which user space writes and reads.
    pub const fn holds_bytes(self) -> bool {
        matches!(self.0, 1 | 2 | 5 | 6 | 9..=11)
    }

    /// Whether the kernel takes key and value types for it. Where the value is the kernel's own (a map, a device, a
    /// socket) it refuses to make the map with them.
    pub(super) const fn takes_types(self) -> bool {
        !matches!(
            self.0,
            3 | 4 | 7 | 8 | 12..=18 | 20 | 22 | 23 | 25 | 27 | 30 | 31 | 33
        )
    }

    /// Whether the number of entries may be 0: the user of the map sets it, or entries belong to other things.
    pub(super) const fn may_be_empty(self) -> bool {
        matches!(self.0, 4 | 19 | 21 | 24 | 26 | 28 | 29 | 32) || self.0 >= 34
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
    fn kinds_have_bpftools_names() {
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
    fn kinds_know_their_nature() {
        let those =
            |is: fn(MapKind) -> bool| (0..40).filter(|&n| is(MapKind(n))).collect::<Vec<u32>>();
        assert_eq!(those(MapKind::is_per_cpu), [5, 6, 10, 21]);
        assert_eq!(those(MapKind::is_map_in_map), [12, 13]);
        assert_eq!(those(MapKind::is_array), [2, 6, 12]);
        assert_eq!(those(MapKind::holds_bytes), [1, 2, 5, 6, 9, 10, 11]);
    }
}
