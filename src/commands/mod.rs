//! Everything that the binary does when it is not the daemon.

pub mod check_json;
pub mod cli;
pub mod dump;
pub mod inspect;
pub mod status;
