//! Frames to feed to an XDP program, the place to run it in, and what each of
//! the example programs must make of them.

mod acl;
mod answers;
mod count;
mod dns;
pub(crate) mod filter;
mod frame;
mod guard;
mod kernel;
mod limit;
mod message;
mod model;
mod ordered;
mod qname;
mod random;
pub(crate) mod sandbox;
pub(crate) mod subnet;

pub(crate) use frame::*;
