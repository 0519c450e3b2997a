//! Requests that arrive on the control socket.

use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;

use nix::errno::Errno;

use super::error::{Error, fault};
use super::state::{Daemon, Options};
use crate::base::exit;
use crate::control::server::{Client, Control};
use crate::control::{DEFAULT_PATH, Payload, Request};
use crate::filter::ReadMap;
use crate::http::PAGE_SIZE;
use crate::kernel::shared_memory::SharedMemory;

/// Bytes for the names of an interface and a map.
const NAMES: usize = 1024;

/// Opens the control socket. A socket that the options name must open; the default one need not.
pub(super) fn open(options: &Options) -> Result<Option<Control>, Error> {
    if let Some(path) = &options.control {
        let opened = Control::open(path);
        let failed = |error: io::Error| {
            let remedy = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "; another process listens there, so name another path with --control"
                }
                io::ErrorKind::AlreadyExists => {
                    "; remove the file, or name another path with --control"
                }
                _ => "",
            };
            let path = path.display();
            Error::process(
                format!("cannot create control socket {path}{remedy}"),
                error,
            )
        };
        return opened.map(Some).map_err(failed);
    }
    let warn = |error: &io::Error| {
        options.log.warn(format_args!(
            "no control socket at {DEFAULT_PATH}: {error}; --control names another place"
        ));
    };
    Ok(Control::open(Path::new(DEFAULT_PATH))
        .inspect_err(warn)
        .ok())
}

impl Daemon<'_> {
    /// Does what a client asks, and answers.
    pub(super) fn answer_client(&mut self, client: &Client, request: Request) {
        let done = match request {
            Request::Reload(confirm) => self.reload(confirm),
            Request::Confirm => self.confirm(),
            Request::Status => return self.pass_status(client),
            Request::Dump => return self.pass_maps(client),
        };
        match done {
            Ok(()) => client.end(exit::DONE),
            Err(error) => refuse(client, &error),
        }
    }

    /// Passes the status as memory, which the client reads at its own pace.
    fn pass_status(&mut self, client: &Client) {
        let (mut page, memory) = match SharedMemory::create(PAGE_SIZE) {
            Ok(made) => made,
            Err(errno) => return fail(client, "no memory for the status", errno),
        };
        self.verify_filters();
        self.renew_warnings();
        let (mut overview, _) = self.overview();
        let length = overview.status(page.bytes());
        let Some(length) = length.and_then(|length| u32::try_from(length).ok()) else {
            client.error(format_args!(
                "the status has more than {PAGE_SIZE} bytes; COREXDP_MAX_PAGE sets how many at build time"
            ));
            return client.end(exit::SYSTEM);
        };
        match client.pass(Payload::Text(length.to_ne_bytes()), memory.as_fd()) {
            Ok(()) => client.end(exit::DONE),
            Err(errno) => fail(client, "cannot pass the status", errno),
        }
    }

    /// Passes the descriptor of each map, which the client reads itself.
    fn pass_maps(&self, client: &Client) {
        for filter in &self.filters {
            for ReadMap { name, map, .. } in &filter.read_maps {
                let mut names = heapless::Vec::<u8, NAMES>::new();
                let parts = [filter.interface.as_bytes(), b" ", name.as_bytes()];
                let whole = parts
                    .iter()
                    .all(|part| names.extend_from_slice(part).is_ok());
                let passed = if whole {
                    client.pass(Payload::Map(&names), map.fd().as_fd())
                } else {
                    Err(Errno::ENAMETOOLONG)
                };
                if let Err(errno) = passed {
                    return fail(client, "cannot pass a map", errno);
                }
            }
        }
        client.end(exit::DONE);
    }
}

fn fail(client: &Client, what: &str, errno: Errno) {
    client.error(format_args!("{what}: {}", errno.desc()));
    client.end(exit::SYSTEM);
}

fn refuse(client: &Client, error: &Error) {
    for line in error.chain().lines() {
        client.error(format_args!("{line}"));
    }
    client.end(exit::code(fault(error)));
}
