//! Whether two filters are the same but for what is read from them.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Order;

/// A digest of a program, its maps and their entries. It is the same for the same version of corexdp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(pub u64);

impl Order<'_> {
    /// What this filter will be.
    pub fn identity(&self) -> Identity {
        // Not keyed anew by each process, since it outlives this one in the names of pinned maps.
        let mut hasher = DefaultHasher::new();
        self.object.code(&mut hasher);
        for entry in self.filter.entries.iter(self.corefile) {
            let key = entry.key.map(|key| self.corefile.text(key));
            (key, self.corefile.text(entry.value)).hash(&mut hasher);
        }
        Identity(hasher.finish())
    }
}
