//! Commands of the binary, other than the daemon.

pub mod check_json;
pub mod cli;
pub mod dump;
pub mod inspect;
pub mod status;
