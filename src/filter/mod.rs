//! The filter of an interface: maps created and filled, program loaded and attached.
//!
//! Order matters. The maps of a filter are filled before its program is attached ([`Loaded`]), and all filters are loaded
//! before the first is attached. Dropping a filter rolls back all its steps.
//!
//! [`Context`] is the input of the steps, and [`Filter`] their result. The file of each step has the name of its verb.

mod attach;
mod build;
mod context;
mod create_maps;
mod entries;
mod entry_list;
mod evicted;
mod fingerprint;
mod hold;
mod link_header;
mod load;
mod read_map;
mod reattach;
mod refit;
mod refusal;
mod replace;
mod sampling;
mod state;
mod surroundings;
mod update_entries;
mod warnings;
pub mod watch;

pub use attach::{attach, check_names, wait_for};
pub use build::{adopt, prepare};
pub use context::{Context, blame};
pub use fingerprint::Target;
pub use hold::tidy;
pub use load::Batch;
pub use read_map::ReadMap;
pub use refit::set_link_header;
pub use replace::{replace, reuse};
pub use state::{Durability, Filter, Loaded, Prepared};
pub use warnings::Warning;
