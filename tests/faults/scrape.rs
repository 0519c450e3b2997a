//! Requests for `/metrics` and `/`.

use crate::calls::{Call, calls, files, lines, of_any};
use crate::cases::Case;
use crate::place::{Place, State, descriptors, descriptors_are};
use crate::stage::{Bench, Outcome, Phase, Stage, end};
use crate::start::spawn;
use crate::tracer::{Strace, Task, injected};
use crate::version::Version;
use support::net::{Daemon, lives};

/// The process whose calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scrape {
    Daemon,
    Worker,
}

const VERSION: Version = Version {
    second: true,
    ..Version::FIRST
};

impl Scrape {
    fn attach(self, daemon: &Daemon, place: &Place, task: Task<'_>) -> Strace {
        let (pid, follow) = match self {
            Self::Daemon => (daemon.pid(), false),
            Self::Worker => (daemon.worker(), true),
        };
        Strace::attach(pid, follow, task, &place.trace())
    }

    fn open(self, place: &Place) -> Scrapes<'_> {
        place.clear();
        place.write(&VERSION);
        let daemon = spawn(place, &mut place.daemon());
        place.wait_to_serve(&VERSION);
        Scrapes {
            scrape: self,
            place,
            open: descriptors(daemon.pid()),
            state: place.state(),
            worker: daemon.worker(),
            daemon: Some(daemon),
        }
    }
}

impl Stage for Scrape {
    fn name(&self) -> String {
        "scrape".into()
    }

    fn process(&self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Worker => "worker",
        }
    }

    fn phase(&self) -> Phase {
        Phase::Scrape
    }

    fn record(&self, place: &Place, _: bool) -> Vec<Call> {
        let mut scrapes = self.open(place);
        let daemon = scrapes.daemon.take().unwrap();
        let strace = self.attach(&daemon, place, Task::Record);
        for path in ["/metrics", "/"] {
            place.get(VERSION.port, path).unwrap();
        }
        strace.detach();
        daemon.stop();
        of_any(files(&place.trace()).iter().map(|file| calls(&lines(file))))
    }

    fn bench<'a>(&'a self, place: &'a Place) -> Box<dyn Bench + 'a> {
        Box::new(self.open(place))
    }
}

struct Scrapes<'a> {
    scrape: Scrape,
    place: &'a Place,
    open: Vec<String>,
    state: State,
    worker: u32,
    daemon: Option<Daemon>,
}

impl Bench for Scrapes<'_> {
    fn run(&mut self, case: &Case) -> Outcome {
        if self.daemon.is_none() {
            *self = self.scrape.open(self.place);
        }
        let place = self.place;
        let daemon = self.daemon.as_ref().unwrap();
        let within_cage = self.scrape == Scrape::Worker;
        let task = Task::Fail { case, within_cage };
        let strace = self.scrape.attach(daemon, place, task);
        let page = place.get(VERSION.port, "/metrics");
        let overview = place.get(VERSION.port, "/");
        let traces = strace.detach();
        if !lives(daemon.pid()) {
            return end(self.daemon.take().unwrap(), case);
        }
        let served = page.is_ok() && overview.is_ok();
        if let Ok(page) = page
            && let Err(wrong) = VERSION.is_not_contradicted_by(&page)
        {
            panic!("{wrong}");
        }
        place.wait_to_serve(&VERSION);
        descriptors_are(daemon.pid(), &self.open);
        place.wait_for_state(&self.state);
        if daemon.worker() != self.worker {
            // A second death of the worker delays its restart.
            self.daemon = None;
        }
        match injected(&traces) {
            true if served => Outcome::Served,
            true => Outcome::Refused,
            false => Outcome::Missed,
        }
    }
}
