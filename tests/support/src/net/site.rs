//! The site of a test: folder, namespaces, and every command that runs there.

use std::path::Path;
use std::process::Command;

use super::{Attached, Daemon, Folder, Namespace, Outcome, Receiver, Response, Sender, finish};

use crate::corexdp;
use crate::objects::compile::compile_with;
use crate::wait::wait_until;

/// The interface that is filtered.
pub const SERVER: &str = "edge0";
/// The peer of [`SERVER`].
pub const CLIENT: &str = "cli0";
/// Default address of `prometheus`.
pub const PAGE: &str = "127.0.0.1:9153";

/// The folder of the file that keeps decisions.
pub const STATE: &str = "state";

/// The binary under test.
pub struct Corexdp;

impl Corexdp {
    /// A command that runs in `folder`, so that messages name `Corefile` without a path of the machine.
    pub fn command(folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(corexdp());
        command.current_dir(folder).args(args);
        command
    }
}

/// A folder, and two namespaces joined by a veth pair: [`SERVER`] in one, [`CLIENT`] in the other.
pub struct Site {
    pub folder: Folder,
    pub server: Namespace,
    pub client: Namespace,
}

impl Site {
    /// Creates a site whose folder contains `example.o`.
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

    /// Adds a veth pair with both ends up.
    pub fn add_wire(&self, server: &str, client: &str) {
        let other = self.client.name();
        self.server.run(&format!(
            "ip link add {server} type veth peer name {client} netns {other}"
        ));
        self.server.run(&format!("ip link set {server} up"));
        self.client.run(&format!("ip link set {client} up"));
        self.is_up(client);
    }

    /// Adds `other/example.o`: the same program with a smaller `max_entries`.
    pub fn add_other_object(&self) {
        compile_with("example", &self.folder.file("other"), &["-DENTRIES=8"]);
    }

    /// Starts `corexdp run` with this Corefile.
    pub fn run(&self, corefile: &str) -> Daemon {
        self.folder.write("Corefile", corefile);
        self.start(&[])
    }

    /// Starts `corexdp run` with the Corefile that the folder contains.
    pub fn start(&self, more: &[&str]) -> Daemon {
        let mut command = self.command("run", more);
        self.server.enter(|| Daemon::spawn(&mut command))
    }

    /// Runs `corexdp run` with a Corefile that it must refuse, and checks that no program stays attached.
    pub fn refused(&self, corefile: &str) -> Outcome {
        self.folder.write("Corefile", corefile);
        let outcome = self.finish(&mut self.command("run", &[]));
        assert_eq!(Attached::on(&self.server, SERVER), None, "{outcome:#?}");
        outcome
    }

    /// Runs a command that ends by itself in the server's namespace.
    pub fn finish(&self, command: &mut Command) -> Outcome {
        self.server.enter(|| finish(command))
    }

    /// A command of the binary with the site's Corefile and control socket.
    pub fn command(&self, name: &str, more: &[&str]) -> Command {
        let mut command = Corexdp::command(
            self.folder.path(),
            &[name, "-conf", "Corefile", "--log", "stderr"],
        );
        command.args(["--control", "control"]);
        if name == "run" {
            command.args(["--state", STATE]);
        }
        command.args(more);
        command
    }

    /// A command that adds or deletes decisions.
    pub fn deciding(&self, words: &[&str]) -> Command {
        let mut command = self.asking(words);
        command.args(["--state", STATE]);
        command
    }

    /// Adds or deletes decisions.
    pub fn decide(&self, words: &[&str]) -> Outcome {
        finish(&mut self.deciding(words))
    }

    /// A command that is a client of the site's control socket, such as `reload`.
    pub fn asking(&self, words: &[&str]) -> Command {
        let mut command = Corexdp::command(self.folder.path(), words);
        command.args(["--control", "control"]);
        command
    }

    /// Runs a client of the control socket.
    pub fn ask(&self, words: &[&str]) -> Outcome {
        finish(&mut self.asking(words))
    }

    /// Runs a client of the control socket as root without `CAP_SYS_ADMIN`.
    pub fn ask_with_less(&self, words: &[&str]) -> Outcome {
        let asking = self.asking(words);
        let mut command = Command::new("setpriv");
        command.current_dir(self.folder.path());
        command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]);
        command.arg(asking.get_program()).args(asking.get_args());
        finish(&mut command)
    }

    /// `corexdp run` as root without any capability.
    pub fn powerless(&self) -> Command {
        let corexdp = self.command("run", &[]);
        let mut command = Command::new("setpriv");
        command.current_dir(self.folder.path());
        command.args(["--bounding-set=-all", "--inh-caps=-all"]);
        command.arg(corexdp.get_program()).args(corexdp.get_args());
        command
    }

    /// The program attached to [`SERVER`], if any.
    pub fn attached(&self) -> Option<Attached> {
        Attached::on(&self.server, SERVER)
    }

    /// The program attached to [`SERVER`], which must exist.
    pub fn filter(&self) -> Attached {
        self.attached().expect("a program is attached")
    }

    pub fn sender(&self) -> Sender {
        Sender::new(&self.client, CLIENT)
    }

    pub fn receiver(&self) -> Receiver {
        Receiver::new(&self.server, SERVER)
    }

    /// Waits until the client can send: the kernel opens a link some time after both ends are set up.
    pub fn link_is_up(&self) {
        self.is_up(CLIENT);
    }

    fn is_up(&self, client: &str) {
        wait_until("the client's link is up", || {
            let shown = self.client.run(&format!("ip link show dev {client}"));
            if shown.contains("state UP") {
                Ok(())
            } else {
                Err(shown)
            }
        });
    }

    /// Requests `PATH` from the page.
    pub fn get(&self, path: &str) -> Response {
        Response::to(&self.server, PAGE, &format!("GET {path} HTTP/1.1"))
    }

    /// Scrapes until the metric is `value`, since packets take a moment to arrive. The metric must not exceed `value`.
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
