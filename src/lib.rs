//! corexdp: an XDP packet filter in front of a DNS server, driven by its Corefile.
//!
//! # Principles
//! 1. **Check everything, then act once.** Corefile, object, sizes and names are proven good in plain memory before the
//!    first system call that changes anything. Maps are filled before the program is attached. Either all filters
//!    stand or none does.
//! 2. **The kernel holds the state.** An attachment is a BPF link and ends with the daemon, however that ends. Values
//!    are read from the map when asked for; nothing polls, and an idle daemon does not wake.
//! 3. **Nothing grows.** Buffers have the capacities of [`base::capacity`]; what is larger streams through them. The daemon
//!    allocates while it starts or reloads, and never after.
//! 4. **What faces the network holds no power.** The page is served by another process, in a cage ([`http::cage`]), which
//!    can be killed; the daemon itself gives up what it does not need.
//!
//! # Who is trusted
//! The Corefile's author, to choose the filter; not to write it without mistakes. Objects, maps, the network and the
//! worker are not trusted with anything: whatever their bytes, the answer is an error or a number.
//!
//! # Rooms, from the top down; imports point downward only
//! - [`commands`]: everything the binary does when it is not the daemon. [`daemon`]: `run`, from Corefile to exit.
//! - [`http`]: the worker process that serves the page. [`views`]: what the page says. [`control`]: the protocol of the
//!   control socket.
//! - [`filter`]: one running filter. [`plan`]: everything checked before the first change.
//! - [`config`]: directives. [`kernel`]: system calls, the only room with `unsafe`.
//! - [`encode`]: words as bytes. [`object`]: the program. [`corefile`]: the text. [`log`]: messages.
//! - [`base`]: what every room may import.

#![warn(missing_docs, unreachable_pub)]

pub mod base;
pub mod commands;
pub mod config;
pub mod control;
pub mod corefile;
pub mod daemon;
pub mod encode;
pub mod filter;
pub mod http;
pub mod kernel;
pub mod log;
pub mod object;
pub mod plan;
pub mod views;

// The archives that stand in for libelf and zlib are linked through this package.
use elf_stubs as _;
