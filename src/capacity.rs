//! How much of everything there can be. Compiled in, so that nothing grows; exceeding one is an error that names it.

include!(concat!(env!("OUT_DIR"), "/capacity.rs"));
