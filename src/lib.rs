//! corexdp: an XDP packet filter in front of a DNS server, driven by its Corefile.
//!
//! # Principles
//! 1. **Check everything, then act once.** Corefile, object, sizes and names are checked in plain memory before the
//!    first system call that changes anything. Maps are filled before the program is attached. Either all filters are
//!    attached or none is.
//! 2. **The kernel holds the state.** An attachment is a BPF link and ends with the daemon, even with a killed daemon.
//!    Values are read from the map on request; nothing polls, and an idle daemon does not wake.
//! 3. **Nothing grows.** Buffers have the capacities of [`base::capacity`]; larger data streams through them. The
//!    daemon allocates only while it starts or reloads.
//! 4. **The network reaches no privilege.** Another process, confined by the cage ([`http::cage`]), serves the page and may
//!    be killed at any time. The daemon itself drops every privilege and system call that it does not need.
//!
//! # Trust
//! The Corefile's author may choose any filter, but makes mistakes. Objects, maps, the
//! network and the worker are not trusted: any input from them gives an error or a number.
//!
//! # Rooms, from the top down; imports point downward only
//! - [`commands`]: the commands other than the daemon. [`daemon`]: `run`, from Corefile to exit.
//! - [`http`]: the worker process that serves the page. [`views`]: the content of the page. [`control`]: the protocol
//!   of the control socket.
//! - [`filter`]: one running filter. [`plan`]: all checks before the first change.
//! - [`config`]: directives. [`kernel`]: system calls, the only room with `unsafe`.
//! - [`encode`]: words as bytes. [`packet`]: headers of a packet. [`object`]: ELF objects. [`corefile`]: the text.
//!   [`list`]: published lists of addresses and names. [`log`]: messages.
//! - [`base`]: small modules that every room may import.

#![warn(missing_docs, unreachable_pub)]
// The shipped binary has no derived `Debug`: `{:?}` would write nothing.
#![cfg_attr(not(test), warn(clippy::use_debug))]

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
pub mod list;
pub mod log;
pub mod object;
pub mod packet;
pub mod plan;
pub mod table;
pub mod views;

// This package links the stub archives that replace libelf and zlib.
use elf_stubs as _;
