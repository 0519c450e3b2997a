//! Check of a type record's references.

use super::{Btf, kind};
use crate::object::error::Error;

impl Btf {
    /// Checks that all names and types to which a record refers exist.
    pub(super) fn check(&self, id: u32) -> Result<(), Error> {
        let record = self.record(id).ok_or_else(|| self.missing(id))?;
        let name = |offset| match self.name(offset) {
            Some(_) => Ok(()),
            None => Err(Error::btf(format!(
                "type {id} has its name at {offset}, where no name ends"
            ))),
        };
        let exists = |target| {
            if target < self.end() {
                Ok(())
            } else {
                Err(self.missing(target))
            }
        };
        name(record.name)?;
        if record.refers_to_type() {
            exists(record.size_or_type)?;
        }
        match record.kind() {
            kind::ARRAY => record
                .rest
                .iter()
                .take(2)
                .try_for_each(|&target| exists(target)),
            kind::STRUCT | kind::UNION => record
                .triples()
                .iter()
                .try_for_each(|&[offset, target, _]| name(offset).and(exists(target))),
            kind::ENUM => record
                .pairs()
                .iter()
                .try_for_each(|&[offset, _]| name(offset)),
            kind::ENUM64 => record
                .triples()
                .iter()
                .try_for_each(|&[offset, ..]| name(offset)),
            kind::DATASEC => record
                .triples()
                .iter()
                .try_for_each(|&[target, ..]| exists(target)),
            _ => Ok(()),
        }
    }
}
