//! The filter of an interface: maps created and filled, programs loaded, linked and attached.
//!
//! Each `ebpf` block is a *stage*. The stages of one interface are its *chain*, in the order of the Corefile.
//!
//! Order matters. The maps of a stage are filled before a packet meets its program, and all filters are loaded
//! ([`Prepared`]) before the first is attached. Dropping a filter rolls back all its steps.
//!
//! [`Chain`] is the input of the steps, and [`Filter`] their result. The file of each step has the name of its verb.

mod attach;
mod build;
mod carry_decisions;
mod compare;
mod content;
mod context;
mod create_maps;
mod decision_list;
mod decisions;
mod entries;
mod entry_list;
mod evicted;
mod find_interface;
mod fingerprint;
mod hold;
mod link_header;
mod link_stages;
mod list_state;
mod load;
mod loaded;
mod mapped_parts;
mod read_map;
mod reattach;
mod refit;
mod refusal;
mod refused;
mod replace;
mod restore;
mod running_table;
mod sampling;
mod shrunken;
mod stage;
mod stages;
mod state;
mod surroundings;
mod table_change;
mod table_decisions;
mod tables;
mod update_entries;
mod verifier_log;
mod wall_clock;
mod warnings;
pub mod watch;

pub use attach::{attach, load_unattached};
pub use build::{adopt, prepare};
pub use content::Content;
pub use context::{Chain, Context, blame};
pub use find_interface::{check_names, wait_for};
pub use hold::tidy;
pub use list_state::ListState;
pub use load::Batch;
pub use loaded::LoadedMap;
pub use mapped_parts::Parts;
pub use read_map::ReadMap;
pub use refit::set_link_header;
pub use refused::Refused;
pub use replace::replace;
pub use restore::Restore;
pub use running_table::RunningTable;
pub use shrunken::check_lists;
pub use stage::Stage;
pub use state::{Durability, Filter, Prepared};
pub use warnings::Warning;
