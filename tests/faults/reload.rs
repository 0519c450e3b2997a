//! The daemon reads its Corefile again, asked by `corexdp reload`, which is told what came of it.

use std::path::PathBuf;
use std::thread;

use crate::calls::{Call, calls, files, lines, of_any};
use crate::cases::Case;
use crate::place::{Place, Standing, descriptors, descriptors_are};
use crate::stage::{Bench, Outcome, Phase, Stage, end, told};
use crate::start::spawn;
use crate::tracer::{Strace, Wish, injected};
use crate::version::Version;
use support::net::{Daemon, Outcome as Answer, lives, pause};

/// The change of the Corefile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Another object and another address of the page: all that can be made anew is.
    All,
    /// Other entries: program and maps go on.
    Entries,
    /// Another metric: entries go on, too.
    Metric,
    /// As `All`, of a filter that outlives the daemon.
    Held,
    /// As `Entries`, of such a filter.
    HeldEntries,
}

/// The process whose calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Daemon,
    /// It is told to listen elsewhere.
    Worker,
}

pub(crate) struct Reload(pub(crate) Change, pub(crate) Whose);

impl Reload {
    const fn holds(&self) -> bool {
        matches!(self.0, Change::Held | Change::HeldEntries)
    }

    fn from(&self) -> Version {
        Version {
            holds: self.holds(),
            ..Version::FIRST
        }
    }

    fn to(&self) -> Version {
        let from = self.from();
        match self.0 {
            Change::All | Change::Held => Version {
                object: "other/faults.o",
                port: from.port + 1,
                ..from
            },
            Change::Entries | Change::HeldEntries => Version {
                value: from.value + 1,
                ..from
            },
            Change::Metric => Version {
                second: true,
                ..from
            },
        }
    }

    /// Begins to trace.
    fn attach(&self, daemon: &Daemon, place: &Place, wish: Wish<'_>) -> Strace {
        let pid = match self.1 {
            Whose::Daemon => daemon.pid(),
            Whose::Worker => daemon.worker(),
        };
        Strace::attach(pid, self.1 == Whose::Worker, wish, &place.trace())
    }

    /// Reloads under strace. Where it is about the new worker, that has something to do before strace lets go; but one
    /// that has failed is not waited for, since each that is made in its place would fail, too.
    fn act(&self, place: &Place, strace: Strace) -> (Answer, Vec<PathBuf>) {
        let answer = place.reload();
        if self.1 == Whose::Daemon {
            return (answer, strace.detach());
        }
        thread::scope(|scope| {
            let page = scope.spawn(|| place.get(self.to().port, "/metrics"));
            while !page.is_finished() && !strace.has_injected() {
                pause(2);
            }
            (answer, strace.detach())
        })
    }

    fn open<'a>(&'a self, place: &'a Place) -> Reloads<'a> {
        place.clear();
        place.write(&self.from());
        let daemon = spawn(place, &mut place.daemon());
        place.comes_to_serve(&self.from());
        let before = (descriptors(daemon.pid()), place.standing());
        Reloads {
            reload: self,
            place,
            daemon: Some(daemon),
            before,
        }
    }
}

impl Stage for Reload {
    fn name(&self) -> String {
        format!("reload ({:?})", self.0)
    }

    fn process(&self) -> &'static str {
        match self.1 {
            Whose::Daemon => "daemon",
            Whose::Worker => "worker",
        }
    }

    fn phase(&self) -> Phase {
        Phase::Reload
    }

    fn record(&self, place: &Place, whole: bool) -> Vec<Call> {
        let reloads = self.open(place);
        let daemon = reloads.daemon.as_ref().unwrap();
        let strace = self.attach(daemon, place, Wish::Record);
        place.write(&self.to());
        self.act(place, strace).0.expect(0, &[]);
        place.comes_to_serve(&self.to());
        let threads = files(&place.trace());
        let calls = of_any(threads.iter().map(|file| calls(&lines(file))));
        reloads.end();
        if whole || !self.holds() {
            return calls;
        }
        // Earlier calls are in the other reloads.
        let first = calls
            .iter()
            .position(|call| call.about.contains("/sys/fs/bpf"));
        calls[first.expect("it looks for pins")..].to_vec()
    }

    fn bench<'a>(&'a self, place: &'a Place) -> Box<dyn Bench + 'a> {
        Box::new(self.open(place))
    }
}

struct Reloads<'a> {
    reload: &'a Reload,
    place: &'a Place,
    daemon: Option<Daemon>,
    /// Its descriptors, and what stands; both come back.
    before: (Vec<String>, Standing),
}

impl Bench for Reloads<'_> {
    fn run(&mut self, case: &Case) -> Outcome {
        if self.daemon.is_none() {
            *self = self.reload.open(self.place);
        }
        let (place, reload) = (self.place, self.reload);
        let before = place.standing();
        let daemon = self.daemon.as_ref().unwrap();
        let within_cage = reload.1 == Whose::Worker;
        let strace = reload.attach(daemon, place, Wish::Fail { case, within_cage });
        place.write(&reload.to());
        let (answer, traces) = reload.act(place, strace);
        if !lives(daemon.pid()) {
            let daemon = self.daemon.take().unwrap();
            return end(daemon, case);
        }
        let outcome = self.seen(case, &answer, &before, daemon);
        self.back();
        if injected(&traces) {
            outcome
        } else {
            Outcome::Missed
        }
    }
}

impl Reloads<'_> {
    /// The outcome, by the answer to the client: the new version is there, or the old one.
    fn seen(&self, case: &Case, answer: &Answer, before: &Standing, daemon: &Daemon) -> Outcome {
        let (place, reload) = (self.place, self.reload);
        if answer.code == Some(0) {
            place.comes_to_serve(&reload.to());
            place.has_one_filter(daemon);
            return Outcome::Served;
        }
        let told_by_daemon = !answer.stderr.contains("did not answer");
        if told_by_daemon {
            let lines: Vec<_> = answer.stderr.lines().map(str::to_owned).collect();
            told(answer.code, &lines, case.errno);
        } else {
            // Then it is about the connection itself, and nothing was done, or all of it.
            let of_sockets = ["accept4", "recvfrom", "getsockopt", "sendto"];
            let known = of_sockets.contains(&case.call.name.as_str());
            assert!(known, "{answer:?}");
            if place.serves(&reload.to()).is_ok() {
                return Outcome::Served;
            }
        }
        place.comes_to_serve(&reload.from());
        place.comes_back_to(before);
        Outcome::Refused
    }

    /// Without a fault a reload does what it should, and another one brings back what was.
    fn back(&mut self) {
        let (place, reload) = (self.place, self.reload);
        for version in [reload.to(), reload.from()] {
            place.write(&version);
            let answer = place.reload();
            assert_eq!(answer.code, Some(0), "{answer:?}");
            place.comes_to_serve(&version);
        }
        let daemon = self.daemon.as_ref().unwrap();
        descriptors_are(daemon.pid(), &self.before.0);
        place.comes_to_have(self.before.1.objects.count());
    }

    fn end(mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop();
        }
        self.place.clear();
    }
}
