//! The entry of a map that decides about a key: the longest prefix of an `lpm_trie`, the longest suffix of a name, or the
//! entry of exactly this key.

use nix::errno::Errno;

use crate::base::capacity::MAX_KEY;
use crate::encode::Encoder;
use crate::encode::integer::Number;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;
use crate::object::MapKind;

/// Member of a value that limits an entry to its own name.
const EXACT: &str = "exact";
/// Bytes of the length of a prefix.
const LENGTH: usize = size_of::<u32>();

/// Key and value of an entry.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// A map in which entries are looked up.
pub(super) struct Lookup<'a> {
    pub(super) map: &'a Map,
    pub(super) encoder: &'a Encoder<'a>,
}

impl Lookup<'_> {
    /// The entry that decides about `key`, whose word is `word`.
    pub(super) fn find(
        &self,
        word: &str,
        key: &[u8],
        scan: &mut Scan,
    ) -> Result<Option<Entry>, Errno> {
        if self.map.shape().kind == MapKind::LPM_TRIE {
            self.longest_prefix(key, scan)
        } else if self.encoder.has_domain_keys() {
            self.longest_suffix(word, scan)
        } else {
            self.exact(key, scan)
        }
    }

    fn exact(&self, key: &[u8], scan: &mut Scan) -> Result<Option<Entry>, Errno> {
        let value = scan.value(self.map, key)?;
        Ok(value.map(|value| (key.to_vec(), value.to_vec())))
    }

    /// A lookup in a trie gives no prefix, so all entries are compared.
    fn longest_prefix(&self, wanted: &[u8], scan: &mut Scan) -> Result<Option<Entry>, Errno> {
        let (mut longest, wanted_bits) = (None::<Entry>, bits(wanted));
        scan.each(self.map, &mut |key, value| {
            let mut masked = wanted.to_vec();
            if let Some(length) = masked.get_mut(..LENGTH) {
                length.copy_from_slice(key.get(..LENGTH).unwrap_or_default());
            }
            self.encoder.clear_host_bits(&mut masked);
            let is_longer = longest
                .as_ref()
                .is_none_or(|(found, _)| bits(found) < bits(key));
            if bits(key) <= wanted_bits && masked == key && is_longer {
                longest = Some((key.to_vec(), value.to_vec()));
            }
        })?;
        Ok(longest)
    }

    fn longest_suffix(&self, name: &str, scan: &mut Scan) -> Result<Option<Entry>, Errno> {
        let exact = self.encoder.number(EXACT).ok();
        let mut key = [0; MAX_KEY];
        let mut suffix = name;
        loop {
            if let Ok(size) = self.encoder.key(suffix, &mut key) {
                let found = self.exact(key.get(..size).unwrap_or_default(), scan)?;
                let is_whole = suffix.len() == name.len();
                let decides = |(_, value): &Entry| is_whole || !is_set(exact, value);
                if let Some(found) = found.filter(decides) {
                    return Ok(Some(found));
                }
            }
            match suffix.split_once('.') {
                Some((_, rest)) if !rest.is_empty() => suffix = rest,
                _ => return Ok(None),
            }
        }
    }
}

/// True if the number is not 0 in `value`.
fn is_set(number: Option<Number>, value: &[u8]) -> bool {
    let bytes = number.and_then(|number| {
        let end = number.position.checked_add(number.length)?;
        value.get(number.position..end)
    });
    bytes.is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0))
}

/// Length of the prefix in a key of a trie.
fn bits(key: &[u8]) -> u32 {
    let length = key.first_chunk();
    length.map_or(0, |length| u32::from_ne_bytes(*length))
}
