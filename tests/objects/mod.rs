//! Objects for tests: how they are compiled, and how good ones are damaged.

// Each test binary uses some of these.
#![allow(dead_code)]

pub(crate) mod compile;
mod damage_to_code;
mod damage_to_file;
pub(crate) mod image;
pub(crate) mod random;
pub(crate) mod wrong;
