//! A reload by `corexdp reload`, which reports the result.

use std::path::PathBuf;
use std::thread;

use crate::calls::{Call, calls, files, lines, of_any};
use crate::cases::Case;
use crate::place::{Place, State, descriptors, descriptors_are};
use crate::stage::{Bench, Outcome, Phase, Stage, end, reported};
use crate::start::spawn;
use crate::tracer::{Strace, Task, injected};
use crate::version::Version;
use support::net::{Daemon, Outcome as Answer, lives, pause};

/// The change of the Corefile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Another object and another page address: program, maps and listener are replaced.
    All,
    /// Other entries: program and maps stay.
    Entries,
    /// Another metric: program, maps and entries stay.
    Metric,
    /// `All` with `exit hold`.
    Held,
    /// `Entries` with `exit hold`.
    HeldEntries,
}

/// The process whose calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Daemon,
    /// The worker, which gets another listener.
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

    /// Attaches strace to the process.
    fn attach(&self, daemon: &Daemon, place: &Place, task: Task<'_>) -> Strace {
        let pid = match self.1 {
            Whose::Daemon => daemon.pid(),
            Whose::Worker => daemon.worker(),
        };
        Strace::attach(pid, self.1 == Whose::Worker, task, &place.trace())
    }

    /// Reloads under strace. If the new worker is traced, it serves a request before strace detaches. A worker that has
    /// failed is not waited for, since each of its successors would fail too.
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
        place.wait_to_serve(&self.from());
        let before = (descriptors(daemon.pid()), place.state());
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
        let strace = self.attach(daemon, place, Task::Record);
        place.write(&self.to());
        self.act(place, strace).0.expect(0, &[]);
        place.wait_to_serve(&self.to());
        let threads = files(&place.trace());
        let calls = of_any(threads.iter().map(|file| calls(&lines(file))));
        reloads.end();
        if whole || !self.holds() {
            return calls;
        }
        // The earlier calls are covered by the other reloads.
        let first = calls
            .iter()
            .position(|call| call.about.contains("/sys/fs/bpf"));
        calls[first.expect("the reload opens the folder of the pins")..].to_vec()
    }

    fn bench<'a>(&'a self, place: &'a Place) -> Box<dyn Bench + 'a> {
        Box::new(self.open(place))
    }
}

struct Reloads<'a> {
    reload: &'a Reload,
    place: &'a Place,
    daemon: Option<Daemon>,
    /// The daemon's descriptors and the state, both before the first case.
    before: (Vec<String>, State),
}

impl Bench for Reloads<'_> {
    fn run(&mut self, case: &Case) -> Outcome {
        if self.daemon.is_none() {
            *self = self.reload.open(self.place);
        }
        let (place, reload) = (self.place, self.reload);
        let before = place.state();
        let daemon = self.daemon.as_ref().unwrap();
        let within_cage = reload.1 == Whose::Worker;
        let strace = reload.attach(daemon, place, Task::Fail { case, within_cage });
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
    /// Determines the outcome from the client's answer, and checks that the new or the old version is served.
    fn seen(&self, case: &Case, answer: &Answer, before: &State, daemon: &Daemon) -> Outcome {
        let (place, reload) = (self.place, self.reload);
        if answer.code == Some(0) {
            place.wait_to_serve(&reload.to());
            place.has_one_filter(daemon);
            return Outcome::Served;
        }
        let reported_by_daemon = !answer.stderr.contains("did not answer");
        if reported_by_daemon {
            let lines: Vec<_> = answer.stderr.lines().map(str::to_owned).collect();
            reported(answer.code, &lines, case.errno);
        } else {
            // The connection failed, so either nothing was done or all of it.
            let of_sockets = ["accept4", "recvfrom", "getsockopt", "sendto"];
            let known = of_sockets.contains(&case.call.name.as_str());
            assert!(known, "{answer:?}");
            if place.serves(&reload.to()).is_ok() {
                return Outcome::Served;
            }
        }
        place.wait_to_serve(&reload.from());
        place.wait_for_state(before);
        Outcome::Refused
    }

    /// Without a fault a reload to the new version succeeds, and another restores the old version.
    fn back(&mut self) {
        let (place, reload) = (self.place, self.reload);
        for version in [reload.to(), reload.from()] {
            place.write(&version);
            let answer = place.reload();
            assert_eq!(answer.code, Some(0), "{answer:?}");
            place.wait_to_serve(&version);
        }
        let daemon = self.daemon.as_ref().unwrap();
        descriptors_are(daemon.pid(), &self.before.0);
        place.wait_for_count(self.before.1.objects.count());
    }

    fn end(mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop();
        }
        self.place.clear();
    }
}
