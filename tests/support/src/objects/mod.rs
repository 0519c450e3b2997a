//! Objects for tests: how they are compiled, and how good ones are damaged.

pub mod compile;
mod damage_to_code;
mod damage_to_file;
pub mod image;
pub mod random;
pub mod wrong;
