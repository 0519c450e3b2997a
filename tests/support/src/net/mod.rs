//! The place of one test: a folder, and two network namespaces joined by a veth pair. The daemon runs in one of them, a
//! packet sender in the other. All of it is removed when the test ends, also when the test fails.
//!
//! The tests need root, iproute2, bpftool, clang, libbpf-dev, and the objects that `make build` writes to
//! `target/bpf/`. A test fails if one of these is missing.

mod daemon;
mod folder;
mod http;
mod memory_group;
mod namespace;
mod outcome;
mod queues;
mod site;
mod wire;
mod xdp;

use std::sync::atomic::{AtomicU32, Ordering};

pub use daemon::{Daemon, lives, only_child, pause, peak_memory, threads};
pub use folder::Folder;
pub use http::{Response, sample};
pub use memory_group::MemoryGroup;
pub use namespace::{Namespace, succeed};
pub use outcome::{Outcome, finish, finish_with};
pub use queues::set_queues;
pub use site::{CLIENT, Corexdp, PAGE, SERVER, Site};
pub use wire::{Receiver, Sender};
pub use xdp::{Attached, GENERIC, Map, NATIVE, detach_link, open_link, put_into_link};

/// A name that is unique on this machine: `cxt-PID-N`.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("cxt-{}-{number}", std::process::id())
}
