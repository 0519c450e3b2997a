//! Whether two filters are the same but for what is read from them.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Order;
use crate::config::Value;

/// A digest of a program, its maps and their entries. It is the same for the same version of corexdp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(pub u64);

impl Order<'_> {
    /// What this filter will be.
    pub fn identity(&self) -> Identity {
        // Not keyed anew by each process, since it outlives this one in the names of pinned maps.
        let mut hasher = DefaultHasher::new();
        self.object.code(&mut hasher);
        for (number, named) in self.filter.maps.iter().enumerate() {
            named.name.hash(&mut hasher);
            for entry in self.filter.entries.of(number, self.corefile) {
                let text = |token| self.corefile.text(token);
                entry.key.map(text).hash(&mut hasher);
                match entry.value {
                    Value::Bytes { word, .. } => text(word).hash(&mut hasher),
                    Value::Words(words) => {
                        words.len().hash(&mut hasher);
                        for word in words {
                            text(*word).hash(&mut hasher);
                        }
                    }
                }
            }
        }
        Identity(hasher.finish())
    }
}
