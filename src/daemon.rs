//! `run`: the story from Corefile to exit.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::config::{Blame, Config, Diagnostic};
use crate::corefile::Corefile;
use crate::filter::{Batch, Filter, Order, blame, wait_for};
use crate::kernel::limits;
use crate::kernel::scan::Scan;
use crate::log::Log;
use crate::overview::Overview;
use crate::page::server::{Heard, Server, listen_on};
use crate::page::Content;
use crate::plan::{MAP, Plan, Source};
use crate::process::{Birth, PidFile};
use crate::watch::Watch;

/// How often `debug` looks at the maps: twice in the 100 ms within which a change is promised to be logged.
const DEBUG_PERIOD: Duration = Duration::from_millis(50);

/// What `run` was asked for.
#[derive(Debug)]
pub struct Options {
    /// The Corefile.
    pub source: Source,
    /// Where messages go.
    pub log: Log,
    /// Where to write the process id.
    pub pidfile: Option<PathBuf>,
}

/// Why `run` did not run, or stopped.
#[derive(Debug)]
pub enum Error {
    /// The Corefile, an object, an interface or the kernel: all that is wrong.
    Refused(Vec<Diagnostic>),
    /// The process could not be set up.
    Process(&'static str, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(wrong) => {
                for (index, one) in wrong.iter().enumerate() {
                    write!(f, "{}{one}", if index == 0 { "" } else { "\n" })?;
                }
                Ok(())
            }
            Self::Process(what, _) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(_) => None,
            Self::Process(_, source) => Some(source),
        }
    }
}

impl From<Diagnostic> for Error {
    fn from(one: Diagnostic) -> Self {
        Self::Refused(vec![one])
    }
}

/// Runs until a signal says stop, then detaches.
///
/// # Errors
/// What is wrong; nothing is attached then.
pub fn run(options: &Options) -> Result<(), Error> {
    let birth = Birth::now();
    let log = &options.log;
    let plan = Plan::make(&options.source).map_err(Error::Refused)?;
    plan.corefile.warnings().iter().for_each(|warning| log.warn(warning));
    let stop = signals().map_err(|errno| Error::Process("signals can't be caught", errno.into()))?;
    // Before there is anything of BPF that a worker could inherit.
    let server = start_page(&plan.config, &plan.corefile)?;
    let Some(filters) = start_filters(&plan, &stop, log)? else {
        return Ok(());
    };
    // A Corefile can be megabytes; from here on nothing needs it.
    drop(plan);
    let pidfile = options.pidfile.as_deref().map(PidFile::write).transpose();
    let pidfile = pidfile.map_err(|error| Error::Process("the pid file can't be written", error))?;
    announce(&filters, server.as_ref(), log);
    let mut daemon = Daemon::new(filters, server, birth, log);
    let signal = daemon.serve(&stop, log)?;
    drop(daemon);
    drop(pidfile);
    log.info(format_args!("stopped by {}, detached", signal.as_str()));
    Ok(())
}

/// A descriptor that is readable when the daemon should stop.
fn signals() -> Result<SignalFd, Errno> {
    let set = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT]);
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn start_page(config: &Config, corefile: &Corefile) -> Result<Option<Server>, Error> {
    let mut listeners = heapless::Vec::<OwnedFd, _>::new();
    for page in &config.pages {
        let wrong = |errno: Errno| {
            let message = format!("can't listen on {}: {}", page.address, errno.desc());
            Diagnostic::new(corefile, page.at, "prometheus", message, blame(errno))
        };
        let listener = listen_on(page.address).map_err(wrong)?;
        // There is room: the list of pages has the same capacity.
        let _ = listeners.push(listener);
    }
    if listeners.is_empty() {
        return Ok(None);
    }
    let server = Server::start(listeners);
    server.map(Some).map_err(|errno| Error::Process("the page's worker can't be started", errno.into()))
}

/// Waits for the interfaces, loads everything, then attaches; `None` when a signal came before.
fn start_filters(plan: &Plan, stop: &SignalFd, log: &Log) -> Result<Option<heapless::Vec<Filter, { crate::capacity::MAX_FILTERS }>>, Error> {
    let orders = || {
        let pairs = plan.config.filters.iter().zip(&plan.objects);
        pairs.map(|(filter, object)| Order { filter, corefile: &plan.corefile, object, log })
    };
    for order in orders() {
        if !wait_for(&order, stop.as_fd())? {
            return Ok(None);
        }
    }
    limits::raise_memlock().map_err(|error| {
        let file = plan.corefile.files().first().cloned().unwrap_or_default();
        let blame = blame(error.errno);
        Diagnostic { file, line: 0, directive: "ebpf".into(), message: error.to_string(), blame }
    })?;
    let cpus = limits::possible_cpus();
    let mut batch = Box::<Batch>::default();
    let loaded = orders().map(|order| order.load(cpus, &mut batch)).collect::<Result<Vec<_>, _>>()?;
    let mut filters = heapless::Vec::new();
    for (order, loaded) in orders().zip(loaded) {
        // There is room: the list of `ebpf` blocks has the same capacity.
        let _ = filters.push(order.attach(loaded)?);
    }
    Ok(Some(filters))
}

fn announce(filters: &[Filter], server: Option<&Server>, log: &Log) {
    for filter in filters {
        let Filter { interface, program, attachment, .. } = filter;
        if let Some(reason) = &filter.reason {
            log.warn(format_args!("{interface}: native mode refused: {reason}; falling back to generic"));
        }
        log.info(format_args!("{interface}: attached {} (id {}) in {} mode", program.name, program.id, attachment.mode));
        if !attachment.ends_with_process() {
            log.warn(format_args!("{interface}: this kernel has no BPF links for XDP (5.9); a killed daemon leaves its filter behind"));
        }
    }
    if filters.is_empty() {
        log.warn("the Corefile has no ebpf block; nothing is filtered");
    }
    for address in server.into_iter().flat_map(Server::addresses) {
        log.info(format_args!("page: http://{address}/"));
    }
}

/// What runs.
struct Daemon<'a> {
    filters: heapless::Vec<Filter, { crate::capacity::MAX_FILTERS }>,
    server: Option<Server>,
    scan: Box<Scan>,
    watches: heapless::Vec<(usize, Watch), { crate::capacity::MAX_FILTERS }>,
    next_look: Instant,
    read_errors: u64,
    birth: Birth,
    log: &'a Log,
}

impl<'a> Daemon<'a> {
    fn new(
        filters: heapless::Vec<Filter, { crate::capacity::MAX_FILTERS }>,
        server: Option<Server>,
        birth: Birth,
        log: &'a Log,
    ) -> Self {
        let mut scan = Box::<Scan>::default();
        let mut watches = heapless::Vec::new();
        for (index, filter) in filters.iter().enumerate().filter(|(_, filter)| filter.debug) {
            let Some(map) = &filter.map else {
                continue;
            };
            match Watch::begin(map, &mut scan) {
                // There is room: there are no more watches than filters.
                Ok(watch) => drop(watches.push((index, watch))),
                Err(errno) => log.warn(format_args!("{}: {MAP} can't be watched: {}", filter.interface, errno.desc())),
            }
        }
        Self { filters, server, scan, watches, next_look: Instant::now() + DEBUG_PERIOD, read_errors: 0, birth, log }
    }

    /// The one loop; returns the signal that ended it.
    fn serve(&mut self, stop: &SignalFd, log: &Log) -> Result<Signal, Error> {
        loop {
            let (stopped, asked) = self.wait(stop)?;
            if stopped
                && let Ok(Some(info)) = stop.read_signal()
                && let Ok(signal) = Signal::try_from(info.ssi_signo.cast_signed())
            {
                return Ok(signal);
            }
            if asked {
                self.hear(log);
            }
            if let Some(server) = &mut self.server {
                server.restart();
            }
            self.look();
        }
    }

    /// Sleeps until a signal, a request or a time that was set; without `debug` and a dead worker there is no such time.
    fn wait(&self, stop: &SignalFd) -> Result<(bool, bool), Error> {
        let watch = (!self.watches.is_empty()).then_some(self.next_look);
        let restart = self.server.as_ref().and_then(Server::deadline);
        let timeout = match watch.into_iter().chain(restart).min() {
            None => PollTimeout::NONE,
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                // Rounded up, so that it does not spin through the last millisecond.
                PollTimeout::try_from(left.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX)
            }
        };
        let mut fds = heapless::Vec::<_, 2>::new();
        let worker = self.server.as_ref().and_then(Server::fd);
        for fd in [Some(stop.as_fd()), worker].into_iter().flatten() {
            // Two at most, and room for two.
            let _ = fds.push(PollFd::new(fd, PollFlags::POLLIN));
        }
        match poll(&mut fds, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok((false, false)),
            Err(errno) => return Err(Error::Process("the daemon can't wait for events", errno.into())),
        }
        let ready = |index: usize| fds.get(index).and_then(PollFd::any).unwrap_or(false);
        Ok((ready(0), ready(1)))
    }

    fn hear(&mut self, log: &Log) {
        let Some(server) = &mut self.server else {
            return;
        };
        match server.hear() {
            Heard::Nothing => {}
            Heard::Death => log.warn("page: the worker died; starting another"),
            Heard::Request(content) => {
                let mut overview = Overview {
                    filters: &self.filters,
                    scan: &mut self.scan,
                    read_errors: &mut self.read_errors,
                    process: &self.birth,
                };
                server.answer(|page| {
                    let made = match content {
                        Content::Metrics => overview.metrics(page),
                        Content::Overview => overview.page(page),
                    };
                    if made.is_none() {
                        log.error("page: does not fit; COREXDP_MAX_PAGE sets its size at build time");
                    }
                    made
                });
            }
        }
    }

    /// Logs what changed in the maps, when it is time.
    fn look(&mut self) {
        if self.watches.is_empty() || Instant::now() < self.next_look {
            return;
        }
        for (index, watch) in &mut self.watches {
            let Some(map) = self.filters.get(*index).and_then(|filter| filter.map.as_ref()) else {
                continue;
            };
            if let Err(errno) = watch.log_changes(MAP, map, &mut self.scan, self.log) {
                self.log.warn(format_args!("map {MAP}: can't be read: {}", errno.desc()));
            }
        }
        self.next_look = Instant::now() + DEBUG_PERIOD;
    }
}

/// Whose fault it is that `run` ended; decides the exit code.
pub fn fault(error: &Error) -> Blame {
    match error {
        Error::Refused(wrong) => worst(wrong),
        Error::Process(_, source) if source.kind() == io::ErrorKind::PermissionDenied => Blame::Privilege,
        Error::Process(..) => Blame::System,
    }
}

/// The blame for several things that are wrong: the Corefile's text first, since it is read first; else the first one's.
pub fn worst(wrong: &[Diagnostic]) -> Blame {
    let text = wrong.iter().find(|one| one.blame == Blame::Corefile);
    text.or(wrong.first()).map_or(Blame::System, |one| one.blame)
}
