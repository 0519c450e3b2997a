//! Commands of the binary except `run`, and the command line.

pub mod capture;
pub mod check_json;
pub mod cli;
pub mod dump;
pub mod inspect;
pub mod status;
pub mod top;
