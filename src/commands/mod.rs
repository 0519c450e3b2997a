//! Commands of the binary except `run`, and the command line.

pub mod capture;
pub mod check_json;
pub mod cli;
pub mod confirm;
pub mod decide;
pub mod dump;
pub mod inspect;
pub mod open_map;
pub mod running_map;
pub mod status;
pub mod test;
pub mod top;
