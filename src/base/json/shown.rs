//! Values that are strings in JSON.

use std::fmt::Display;

use serde::{Serialize, Serializer};

/// A value whose displayed text is written as a JSON string.
pub struct Shown<T>(pub T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // `Arguments` is one type for all `T`, so that the binary has one instance of the serializer.
        to.collect_str(&format_args!("{}", self.0))
    }
}
