//! Requests that arrive on the control socket.

use std::fmt;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;

use super::decisions::pass_decisions;
use super::error::{Error, fault};
use super::state::{ControlSocket, Daemon, Options};
use crate::base::exit;
use crate::base::wait::Backoff;
use crate::control::server::{Client, Control, Owner};
use crate::control::{DEFAULT_PATH, Payload, Request, Trial};
use crate::filter::{Filter, LoadedMap};
use crate::http::PAGE_SIZE;
use crate::kernel::shared_memory::SharedMemory;
use crate::kernel::{describe, errno};
use crate::views::listeners::ListenerState;

/// Bytes for the names of an interface, a map and a stage.
const NAMES: usize = 1024;

/// Delay before the first retry of creating the control socket; doubled for each further retry.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(10);

impl ControlSocket {
    /// Creates the control socket. All errors except the following are retried: a file system may be read-only at boot.
    ///
    /// # Errors
    /// When another process or file occupies the path that `--control` names.
    pub(super) fn open(options: &Options) -> Result<Self, Error> {
        let mut socket = Self {
            server: None,
            retry: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
            error: "",
        };
        let path = path(options);
        match Control::open(path) {
            Ok(server) => socket.server = Some(server),
            Err(error) if options.control.is_some() && is_occupied(&error) => {
                return Err(refusal(path, error));
            }
            Err(error) => {
                let shown = path.display();
                let owner = owner(path, &error);
                let reason: &dyn fmt::Display = owner.as_ref().map_or(&error, |owner| owner);
                options.log.warn(format_args!(
                    "no control socket at {shown}: {reason}; retrying; --control names another path"
                ));
                socket.failed(&error);
            }
        }
        Ok(socket)
    }

    fn failed(&mut self, error: &io::Error) {
        self.error = match error.kind() {
            // An error of `Control::open`, without errno.
            io::ErrorKind::AlreadyExists => "the path is not a socket",
            _ => describe(errno(error)),
        };
        self.retry.plan();
    }

    /// Creates the control socket if its retry is due.
    pub(super) fn open_if_due(&mut self, options: &Options) {
        if !self.retry.take_due() {
            return;
        }
        let path = path(options);
        match Control::open(path) {
            Ok(server) => {
                self.server = Some(server);
                let path = path.display();
                options.log.info(format_args!("control: {path}"));
            }
            Err(error) => self.failed(&error),
        }
    }

    /// State of the control socket for the views.
    pub(super) fn state(&self, options: &Options) -> ListenerState {
        let path = path(options).display();
        let error = self.server.is_none().then_some(self.error);
        ListenerState::new("control", format_args!("{path}"), error)
    }
}

fn path(options: &Options) -> &Path {
    let given = options.control.as_deref();
    given.unwrap_or_else(|| Path::new(DEFAULT_PATH))
}

/// True if only the operator can free or change the path, so that a retry would not help.
fn is_occupied(error: &io::Error) -> bool {
    let taken = [io::ErrorKind::AddrInUse, io::ErrorKind::AlreadyExists];
    taken.contains(&error.kind()) || errno(error) == Errno::ENAMETOOLONG
}

fn refusal(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    if let Some(owner) = owner(path, &error) {
        let remedy = match owner {
            Owner::Corexdp(_) => {
                "stop it, or change its Corefile and `corexdp reload` it; a second daemon needs another --control"
            }
            Owner::Other => "name another path with --control",
        };
        return Error::Occupied(format!(
            "cannot create control socket {shown}: {owner}; {remedy}"
        ));
    }
    let remedy = match error.kind() {
        io::ErrorKind::AlreadyExists => "; remove the file, or name another path with --control",
        _ => "",
    };
    Error::process(
        format!("cannot create control socket {shown}{remedy}"),
        error,
    )
}

/// The process that listens on the path, if it is the cause of `error`.
fn owner(path: &Path, error: &io::Error) -> Option<Owner> {
    let in_use = error.kind() == io::ErrorKind::AddrInUse;
    in_use.then(|| Control::owner(path)).flatten()
}

impl Daemon<'_> {
    /// Executes the request of a client, and sends the answer.
    pub(super) fn answer_client(&mut self, client: Client, request: Request<'_>) {
        let result = match request {
            Request::Reload(confirm) => self.reload(confirm, None),
            Request::Try(time, file) => self.reload(Some(time), Some(file)),
            Request::Confirm(None) if let Some(trial) = self.trial() => {
                return pass_trial(&client, &trial);
            }
            Request::Confirm(placed) => self.confirm(placed),
            Request::Status => return self.pass_status(&client),
            Request::Dump => return pass_maps(&self.filters, Which::Read, &client),
            Request::Maps => return pass_maps(&self.filters, Which::All, &client),
            Request::Decide(changes) => return self.decide(&client, changes),
            Request::Sample(request) => return self.start_sampling(client, &request),
        };
        match result {
            Ok(()) => client.end(exit::DONE),
            Err(error) => refuse(&client, &error),
        }
    }

    /// Passes the status in shared memory, which the client reads at its own pace.
    fn pass_status(&mut self, client: &Client) {
        let (mut memory, descriptor) = match SharedMemory::create(PAGE_SIZE) {
            Ok(created) => created,
            Err(errno) => return fail(client, "no memory for the status", errno),
        };
        self.verify_filters();
        self.filters.iter_mut().for_each(Filter::renew_warnings);
        let (mut overview, _) = self.overview();
        let length = overview.status(memory.bytes());
        let Some(length) = length.and_then(|length| u32::try_from(length).ok()) else {
            client.error(format_args!(
                "the status has more than {PAGE_SIZE} bytes; build with a larger COREXDP_MAX_PAGE"
            ));
            return client.end(exit::SYSTEM);
        };
        match client.pass(Payload::Text(length.to_ne_bytes()), descriptor.as_fd()) {
            Ok(()) => client.end(exit::DONE),
            Err(errno) => fail(client, "cannot pass the status", errno),
        }
    }
}

/// Choice of the maps that are passed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// The maps that the daemon reads, and those with decisions.
    Read,
    /// All maps of the objects whose entries are bytes.
    All,
}

/// Passes the descriptor and the decisions of each map; the client reads the maps.
fn pass_maps(filters: &[Filter], which: Which, client: &Client) {
    for filter in filters {
        for stage in filter.stages() {
            let is_named = filter.is_chain() || which == Which::All;
            let object = is_named.then_some(stage.object.as_str());
            let read = stage.read_maps.iter();
            let read = read.flat_map(|read| {
                let maps = stage.maps().iter();
                maps.filter(|map| read.has(map.name()))
            });
            let others = stage.maps().iter().filter(|map| {
                let is_read = stage.read_maps.iter().any(|read| read.has(map.name()));
                let has_decisions = stage
                    .maps()
                    .iter()
                    .any(|owner| owner.has_part(map.name()) && owner.decisions() > 0);
                let is_wanted = has_decisions || which == Which::All && map.is_shown();
                is_wanted && !is_read
            });
            for map in read.chain(others) {
                let passed = pass_map(&filter.interface, object, map, client);
                if let Err(errno) = passed.and_then(|()| pass_decisions(map, client)) {
                    return fail(client, "cannot pass a map", errno);
                }
            }
        }
    }
    client.end(exit::DONE);
}

fn pass_map(
    interface: &str,
    stage: Option<&str>,
    map: &LoadedMap,
    client: &Client,
) -> Result<(), Errno> {
    let mut names = heapless::Vec::<u8, NAMES>::new();
    let parts = [
        Some(interface),
        Some(" "),
        Some(map.name()),
        stage.map(|_| "\0"),
        stage,
    ];
    for part in parts.into_iter().flatten() {
        let extended = names.extend_from_slice(part.as_bytes());
        extended.map_err(|_| Errno::ENAMETOOLONG)?;
    }
    client.pass(Payload::Map(&names), map.map().fd().as_fd())
}

fn pass_trial(client: &Client, (corefile, file, digest): &(PathBuf, PathBuf, u64)) {
    let trial = Trial {
        digest: *digest,
        corefile,
        file,
    };
    match client.trial(&trial) {
        Ok(()) => client.end(exit::DONE),
        Err(errno) => fail(client, "cannot pass the paths", errno),
    }
}

fn fail(client: &Client, what: &str, errno: Errno) {
    client.error(format_args!("{what}: {}", describe(errno)));
    client.end(exit::SYSTEM);
}

fn refuse(client: &Client, error: &Error) {
    for line in error.chain().lines() {
        client.error(format_args!("{line}"));
    }
    client.end(exit::code(fault(error)));
}
