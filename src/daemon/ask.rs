//! What comes over the control socket.

use super::serve::Daemon;
use super::{Error, fault};
use crate::control::Request;
use crate::control::server::Client;
use crate::exit;

impl Daemon<'_> {
    /// Does what a client asks, and answers.
    pub(super) fn ask(&mut self, client: &Client, request: Request) {
        let done = match request {
            Request::Reload(confirm) => self.reload(confirm),
            Request::Confirm => self.confirm(),
        };
        match done {
            Ok(()) => client.end(exit::DONE),
            Err(error) => refuse(client, &error),
        }
    }
}

fn refuse(client: &Client, error: &Error) {
    for line in error.chain().lines() {
        client.wrong(format_args!("{line}"));
    }
    client.end(exit::code(fault(error)));
}
