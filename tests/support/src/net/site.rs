//! All that a test of the daemon needs, in one hand.

use std::path::Path;
use std::process::Command;

use super::{Attached, Daemon, Folder, Namespace, Outcome, Receiver, Response, Sender, finish};

use crate::corexdp;
use crate::objects::compile::compile_with;
use crate::wait::wait_until;

/// The interface that is filtered.
pub const SERVER: &str = "edge0";
/// The other end of its wire.
pub const CLIENT: &str = "cli0";
/// Where `prometheus` serves when it says nothing else.
pub const PAGE: &str = "127.0.0.1:9153";

/// The binary under test.
pub struct Corexdp;

impl Corexdp {
    /// A command to be run in `folder`, so that messages say `Corefile` and no path of the machine.
    pub fn command(folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(corexdp());
        command.current_dir(folder).args(args);
        command
    }
}

/// A folder, and two namespaces with a wire between them: [`SERVER`] in the one, [`CLIENT`] in the other.
pub struct Site {
    pub folder: Folder,
    pub server: Namespace,
    pub client: Namespace,
}

impl Site {
    /// One whose folder holds `example.o`.
    pub fn new() -> Self {
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
    pub fn add_wire(&self, server: &str, client: &str) {
        let other = self.client.name();
        self.server.run(&format!(
            "ip link add {server} type veth peer name {client} netns {other}"
        ));
        self.server.run(&format!("ip link set {server} up"));
        self.client.run(&format!("ip link set {client} up"));
    }

    /// Adds `other/example.o`: the same program with room for fewer entries.
    pub fn add_other_object(&self) {
        compile_with("example", &self.folder.file("other"), &["-DENTRIES=8"]);
    }

    /// Starts `corexdp run` with this Corefile.
    pub fn run(&self, corefile: &str) -> Daemon {
        self.folder.write("Corefile", corefile);
        self.start(&[])
    }

    /// Starts `corexdp run` with the Corefile that is there.
    pub fn start(&self, more: &[&str]) -> Daemon {
        let mut command = self.command("run", more);
        self.server.enter(|| Daemon::spawn(&mut command))
    }

    /// Runs `corexdp run` with a Corefile that it must refuse, and looks that nothing stays attached.
    pub fn refused(&self, corefile: &str) -> Outcome {
        self.folder.write("Corefile", corefile);
        let outcome = self.finish(&mut self.command("run", &[]));
        assert_eq!(Attached::on(&self.server, SERVER), None, "{outcome:#?}");
        outcome
    }

    /// Runs a command that ends by itself beside the daemon.
    pub fn finish(&self, command: &mut Command) -> Outcome {
        self.server.enter(|| finish(command))
    }

    /// A command of the binary with this site's Corefile and control socket.
    pub fn command(&self, name: &str, more: &[&str]) -> Command {
        let mut command = Corexdp::command(
            self.folder.path(),
            &[name, "-conf", "Corefile", "--log", "stderr"],
        );
        command.args(["--control", "control"]).args(more);
        command
    }

    /// A command that asks this site's daemon something, such as `reload`.
    pub fn asking(&self, words: &[&str]) -> Command {
        let mut command = Corexdp::command(self.folder.path(), words);
        command.args(["--control", "control"]);
        command
    }

    /// Asks it.
    pub fn ask(&self, words: &[&str]) -> Outcome {
        finish(&mut self.asking(words))
    }

    /// Asks it by root without `CAP_SYS_ADMIN`.
    pub fn ask_with_less(&self, words: &[&str]) -> Outcome {
        let asking = self.asking(words);
        let mut command = Command::new("setpriv");
        command.current_dir(self.folder.path());
        command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]);
        command.arg(asking.get_program()).args(asking.get_args());
        finish(&mut command)
    }

    /// `corexdp run` by root in name only, without any capability.
    pub fn powerless(&self) -> Command {
        let corexdp = self.command("run", &[]);
        let mut command = Command::new("setpriv");
        command.current_dir(self.folder.path());
        command.args(["--bounding-set=-all", "--inh-caps=-all"]);
        command.arg(corexdp.get_program()).args(corexdp.get_args());
        command
    }

    /// The program that is attached to [`SERVER`], if any.
    pub fn attached(&self) -> Option<Attached> {
        Attached::on(&self.server, SERVER)
    }

    /// The program that must be attached to [`SERVER`].
    pub fn filter(&self) -> Attached {
        self.attached().expect("a program is attached")
    }

    pub fn sender(&self) -> Sender {
        Sender::new(&self.client, CLIENT)
    }

    pub fn receiver(&self) -> Receiver {
        Receiver::new(&self.server, SERVER)
    }

    /// `GET PATH` of the page.
    pub fn get(&self, path: &str) -> Response {
        Response::to(&self.server, PAGE, &format!("GET {path} HTTP/1.1"))
    }

    /// Scrapes until the metric reads `value`, which it must not pass: packets take a moment to arrive.
    pub fn metric_becomes(&self, name: &str, value: u64) {
        wait_until(&format!("{name} is {value}"), || {
            let page = self.get("/metrics");
            let text = page
                .metric(name)
                .unwrap_or_else(|| panic!("no {name}: {}", page.body));
            let now: u64 = text.parse().unwrap_or_else(|_| panic!("{name} is {text}"));
            assert!(now <= value, "{name} is {now}, more than {value}");
            if now == value { Ok(()) } else { Err(now) }
        });
    }
}
