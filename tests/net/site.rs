//! All that a test of the daemon needs, in one hand.

use std::path::Path;
use std::process::Command;

use super::{
    Attached, Daemon, Folder, Namespace, Outcome, PATIENCE, Receiver, Response, Sender, finish,
    within,
};

use crate::objects::compile::compile_with;

/// The interface that is filtered.
pub(crate) const SERVER: &str = "edge0";
/// The other end of its wire.
pub(crate) const CLIENT: &str = "cli0";
/// Where `prometheus` serves when it says nothing else.
pub(crate) const PAGE: &str = "127.0.0.1:9153";

/// The binary under test.
pub(crate) struct Corexdp;

impl Corexdp {
    /// A command to be run in `folder`, so that messages say `Corefile` and no path of the machine.
    pub(crate) fn command(folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corexdp"));
        command.current_dir(folder).args(args);
        command
    }
}

/// A folder, and two namespaces with a wire between them: [`SERVER`] in the one, [`CLIENT`] in the other.
pub(crate) struct Site {
    pub(crate) folder: Folder,
    pub(crate) server: Namespace,
    pub(crate) client: Namespace,
}

impl Site {
    /// One whose folder holds `example.o`.
    pub(crate) fn new() -> Self {
        let site = Self {
            folder: Folder::new(),
            server: Namespace::new(),
            client: Namespace::new(),
        };
        site.add_wire(SERVER, CLIENT);
        site.folder.fixture("example");
        site
    }

    /// Lays a wire, both ends up.
    pub(crate) fn add_wire(&self, server: &str, client: &str) {
        let other = self.client.name();
        self.server.run(&format!(
            "ip link add {server} type veth peer name {client} netns {other}"
        ));
        self.server.run(&format!("ip link set {server} up"));
        self.client.run(&format!("ip link set {client} up"));
    }

    /// Adds `other/example.o`: the same program with room for fewer entries.
    pub(crate) fn add_other_object(&self) {
        compile_with("example", &self.folder.file("other"), &["-DENTRIES=8"]);
    }

    /// Starts `corexdp run` with this Corefile.
    pub(crate) fn run(&self, corefile: &str) -> Daemon {
        self.folder.write("Corefile", corefile);
        self.start(&[])
    }

    /// Starts `corexdp run` with the Corefile that is there.
    pub(crate) fn start(&self, more: &[&str]) -> Daemon {
        let mut command = self.command("run", more);
        self.server.enter(|| Daemon::spawn(&mut command))
    }

    /// Runs `corexdp run` with a Corefile that it must refuse, and looks that nothing stays attached.
    pub(crate) fn refused(&self, corefile: &str) -> Outcome {
        self.folder.write("Corefile", corefile);
        let outcome = self.finish(&mut self.command("run", &[]));
        assert_eq!(Attached::on(&self.server, SERVER), None, "{outcome:#?}");
        outcome
    }

    /// Runs a command that ends by itself beside the daemon.
    pub(crate) fn finish(&self, command: &mut Command) -> Outcome {
        self.server.enter(|| finish(command))
    }

    /// A command of the binary with this site's Corefile and control socket.
    pub(crate) fn command(&self, name: &str, more: &[&str]) -> Command {
        let mut command = Corexdp::command(
            self.folder.path(),
            &[name, "-conf", "Corefile", "--log", "stderr"],
        );
        command.args(["--control", "control"]).args(more);
        command
    }

    /// A command that asks this site's daemon something, such as `reload`.
    pub(crate) fn asking(&self, words: &[&str]) -> Command {
        let mut command = Corexdp::command(self.folder.path(), words);
        command.args(["--control", "control"]);
        command
    }

    /// Asks it.
    pub(crate) fn ask(&self, words: &[&str]) -> Outcome {
        finish(&mut self.asking(words))
    }

    /// Asks it by root without `CAP_SYS_ADMIN`.
    pub(crate) fn ask_with_less(&self, words: &[&str]) -> Outcome {
        let asking = self.asking(words);
        let mut command = Command::new("setpriv");
        command.current_dir(self.folder.path());
        command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]);
        command.arg(asking.get_program()).args(asking.get_args());
        finish(&mut command)
    }

    /// `corexdp run` by root in name only, without any capability.
    pub(crate) fn powerless(&self) -> Command {
        let corexdp = self.command("run", &[]);
        let mut command = Command::new("setpriv");
        command.current_dir(self.folder.path());
        command.args(["--bounding-set=-all", "--inh-caps=-all"]);
        command.arg(corexdp.get_program()).args(corexdp.get_args());
        command
    }

    /// What is attached to [`SERVER`].
    pub(crate) fn attached(&self) -> Option<Attached> {
        Attached::on(&self.server, SERVER)
    }

    /// What must be attached to [`SERVER`].
    pub(crate) fn filter(&self) -> Attached {
        self.attached().expect("a program is attached")
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender::new(&self.client, CLIENT)
    }

    pub(crate) fn receiver(&self) -> Receiver {
        Receiver::new(&self.server, SERVER)
    }

    /// `GET PATH` of the page.
    pub(crate) fn get(&self, path: &str) -> Response {
        Response::to(&self.server, PAGE, &format!("GET {path} HTTP/1.1"))
    }

    /// Scrapes until the metric reads `value`, which it must not pass: packets take a moment to arrive.
    pub(crate) fn metric_becomes(&self, name: &str, value: u64) {
        within(PATIENCE, &format!("{name} is {value}"), || {
            let page = self.get("/metrics");
            let text = page
                .metric(name)
                .unwrap_or_else(|| panic!("no {name}: {}", page.body));
            let now: u64 = text.parse().unwrap_or_else(|_| panic!("{name} is {text}"));
            assert!(now <= value, "{name} is {now}, more than {value}");
            (now == value).then_some(())
        });
    }
}
