//! Objects for tests: compiled ones, and damaged copies of them.

pub mod compile;
mod damage_to_code;
mod damage_to_file;
pub mod image;
pub mod random;
pub mod wrong;
