//! corexdp: an XDP packet filter in front of a DNS server, driven by its Corefile.
//!
//! # Principles
//! 1. **Check everything, then act once.** Corefile, object, sizes and names are proven good in plain memory before the
//!    first system call that changes anything. Maps are filled before the program is attached. Either all filters
//!    stand or none does.
//! 2. **The kernel holds the state.** An attachment is a BPF link and ends with the daemon, however that ends. Values
//!    are read from the map when asked for; nothing polls, and an idle daemon does not wake.
//! 3. **Nothing grows.** Buffers have the capacities of [`capacity`]; what is larger streams through them. The daemon
//!    allocates while it starts or reloads, and never after.
//! 4. **What faces the network holds no power.** The page is served by another process, in a cage ([`page::cage`]), which
//!    can be killed; the daemon itself gives up what it does not need.
//!
//! # Who is trusted
//! The Corefile's author, to choose the filter; not to write it without mistakes. Objects, maps, the network and the
//! worker are not trusted with anything: whatever their bytes, the answer is an error or a number.
//!
//! # Rooms, from the top down; imports point downward only
//! [`cli`] · [`daemon`] the story · [`status`], [`dump`] what its client shows · [`control`] its socket · [`report`] JSON · [`inspect`] an object in words · [`page`] the worker process · [`overview`]
//! what the page says ·
//! [`watch`] the change log · [`filter`] one running filter · [`plan`] everything checked · [`kernel`] the only room
//! with `unsafe` · [`config`] directives · [`encode`] words as bytes · [`corefile`] the text · [`object`] the program ·
//! [`metrics`], [`json`], [`hex`], [`digest`], [`nearest`], [`log`], [`notify`], [`sources`], [`files`], [`process`], [`utc`], [`wait`], [`exit`], [`capacity`].

#![warn(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[cfg(feature = "faults")]
pub mod allocations;
pub mod capacity;
pub mod cli;
pub mod config;
pub mod control;
pub mod corefile;
pub mod daemon;
pub mod digest;
pub mod dump;
pub mod encode;
pub mod exit;
pub mod files;
pub mod filter;
pub mod hex;
pub mod inspect;
pub mod json;
pub mod kernel;
pub mod log;
pub mod metrics;
pub mod nearest;
pub mod notify;
pub mod object;
pub mod overview;
pub mod page;
pub mod plan;
pub mod process;
pub mod report;
pub mod sources;
pub mod status;
pub mod utc;
pub mod wait;
pub mod watch;

// The archives that stand in for libelf and zlib are linked through this package.
use elf_stubs as _;
