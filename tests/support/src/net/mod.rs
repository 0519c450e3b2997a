//! A place for one test: a folder, two network namespaces with a wire between them, the daemon in one and a sender of
//! packets in the other. All of it is gone when the test ends, also when it fails.
//!
//! These tests need root, iproute2, bpftool, clang, libbpf-dev, and the objects that `make build` puts into
//! `target/bpf/`. What is missing fails the test that needs it.

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
pub use namespace::Namespace;
pub use outcome::{Outcome, finish};
pub use queues::set_queues;
pub use site::{CLIENT, Corexdp, PAGE, SERVER, Site};
pub use wire::{Receiver, Sender};
pub use xdp::{Attached, GENERIC, Map, NATIVE, detach_link, put_into_link};

/// A name that nobody else on this machine has: `cxt-PID-N`.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("cxt-{}-{number}", std::process::id())
}
