//! What comes over the control socket.

use std::os::fd::AsFd as _;

use nix::errno::Errno;

use super::event_loop::Daemon;
use super::{Error, fault};
use crate::base::exit;
use crate::control::server::Client;
use crate::control::{Passed, Request};
use crate::filter::ReadMap;
use crate::http::PAGE_SIZE;
use crate::kernel::shared_memory::SharedMemory;

/// Bytes of the names of an interface and a map.
const MOST_NAMES: usize = 1024;

impl Daemon<'_> {
    /// Does what a client asks, and answers.
    pub(super) fn ask(&mut self, client: &Client, request: Request) {
        let done = match request {
            Request::Reload(confirm) => self.reload(confirm),
            Request::Confirm => self.confirm(),
            Request::Status => return self.tell(client),
            Request::Dump => return self.pass_maps(client),
        };
        match done {
            Ok(()) => client.end(exit::DONE),
            Err(error) => refuse(client, &error),
        }
    }

    /// All about itself, in memory that the client reads when it likes.
    fn tell(&mut self, client: &Client) {
        let (mut page, memory) = match SharedMemory::create(PAGE_SIZE) {
            Ok(made) => made,
            Err(errno) => return lacking(client, "no memory for an answer", errno),
        };
        let (mut overview, _) = self.overview();
        let length = overview.status(page.bytes());
        let Some(length) = length.and_then(|length| u32::try_from(length).ok()) else {
            client.wrong(format_args!(
                "the answer has more than {PAGE_SIZE} bytes; COREXDP_MAX_PAGE sets how many at build time"
            ));
            return client.end(exit::SYSTEM);
        };
        match client.pass(Passed::Text(length.to_ne_bytes()), memory.as_fd()) {
            Ok(()) => client.end(exit::DONE),
            Err(errno) => lacking(client, "the answer can't be passed", errno),
        }
    }

    /// Its maps, which the client reads by itself.
    fn pass_maps(&self, client: &Client) {
        for filter in &self.filters {
            for ReadMap { name, map, .. } in &filter.read_maps {
                let mut names = heapless::Vec::<u8, MOST_NAMES>::new();
                let parts = [filter.interface.as_bytes(), b" ", name.as_bytes()];
                let whole = parts
                    .iter()
                    .all(|part| names.extend_from_slice(part).is_ok());
                let passed = if whole {
                    client.pass(Passed::Map(&names), map.fd().as_fd())
                } else {
                    Err(Errno::ENAMETOOLONG)
                };
                if let Err(errno) = passed {
                    return lacking(client, "a map can't be passed", errno);
                }
            }
        }
        client.end(exit::DONE);
    }
}

fn lacking(client: &Client, what: &str, errno: Errno) {
    client.wrong(format_args!("{what}: {}", errno.desc()));
    client.end(exit::SYSTEM);
}

fn refuse(client: &Client, error: &Error) {
    for line in error.chain().lines() {
        client.wrong(format_args!("{line}"));
    }
    client.end(exit::code(fault(error)));
}
