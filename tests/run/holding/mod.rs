//! `exit hold`: the filter outlives its daemon, and the next daemon adopts it.

mod adopting;
mod chains;
mod confirming;
mod decisions;
mod fallback;
mod namespaces;
mod owners;
mod recovering;
mod users;

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::packet;
use support::net::{Corexdp, Daemon, Outcome, SERVER, Site};

/// A site with its own BPF file system, which contains only the pins of the test.
struct Held {
    site: Site,
    mounts: Child,
}

impl Drop for Held {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.mounts.kill();
        let _ = self.mounts.wait();
    }
}

impl Held {
    fn new() -> Self {
        Self::with("mount -t bpf -o mode=0700 bpf /sys/fs/bpf")
    }

    /// Creates a site in a mount namespace in which `mounts` has run.
    fn with(mounts: &str) -> Self {
        let site = Site::new();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c"]);
        command.arg(format!("{mounts} && echo && exec sleep infinity"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        Self {
            site,
            mounts: child,
        }
    }

    /// The command, wrapped to run in the mount namespace.
    fn among(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--mount=/proc/{}/ns/mnt", self.mounts.id()));
        inside.arg(format!("--wdns={}", self.site.folder.path().display()));
        inside.arg("--").arg(command.get_program());
        inside.args(command.get_args());
        for (name, value) in command.get_envs() {
            inside.env(name, value.unwrap_or_default());
        }
        inside
    }

    fn start(&self, corefile: &str) -> Daemon {
        self.start_with(corefile, &[])
    }

    fn start_with(&self, corefile: &str, more: &[&str]) -> Daemon {
        self.site.folder.write("Corefile", corefile);
        let mut command = self.among(&self.site.command("run", more));
        let spawn = || Daemon::spawn(&mut command);
        self.site.server.enter(spawn).attached(1)
    }

    /// Stops the daemon, starts and stops another, and returns the log of the other.
    fn restart(&self, daemon: Daemon, corefile: &str) -> Vec<String> {
        daemon.stop();
        self.start(corefile).stop()
    }

    fn refused(&self, corefile: &str) -> Outcome {
        self.site.folder.write("Corefile", corefile);
        let mut command = self.among(&self.site.command("run", &[]));
        self.site.finish(&mut command)
    }

    /// Runs a shell command in the mount namespace and returns its output.
    fn sh(&self, line: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        let output = self.among(&command).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a shell command in the mount namespace as an unprivileged user; true if it succeeds.
    fn as_user(&self, line: &str) -> bool {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=4242",
            "--regid=4242",
            "--clear-groups",
            "sh",
            "-c",
            line,
        ]);
        self.among(&command).output().unwrap().status.success()
    }

    /// The folder of the interface's pins.
    fn folder(&self) -> String {
        self.site.server.pins(SERVER).display().to_string()
    }

    /// All paths below the folder of all pins.
    fn names(&self) -> Vec<String> {
        let names = self.sh("cd /sys/fs/bpf/corexdp && find . -mindepth 1 | sort");
        names.lines().map(str::to_owned).collect()
    }

    /// The id of the pinned BPF link. Replacing the program keeps the link.
    fn link(&self) -> String {
        let shown = self.sh(&format!("bpftool link show pinned {}/link", self.folder()));
        shown.split(':').next().unwrap().to_owned()
    }

    /// The number of pinned states, and whether the link is pinned.
    fn pins(&self) -> (usize, bool) {
        let names = self.sh(&format!("ls {} 2>/dev/null || true", self.folder()));
        let link = names.lines().any(|name| name == "link");
        (names.lines().filter(|name| name.len() > 16).count(), link)
    }

    /// A command that runs a second daemon, without a page, in the network namespace of the calling thread.
    fn second(&self, corefile: &str) -> Command {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let control = format!("control{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.site
            .folder
            .write("Second", &corefile.replace("prometheus", ""));
        let words = [
            "run",
            "-conf",
            "Second",
            "--log",
            "stderr",
            "--control",
            &control,
        ];
        self.among(&Corexdp::command(self.site.folder.path(), &words))
    }

    /// Fails unless other daemons are refused with a message that names `daemon` as the owner of the filter, and the
    /// filter stays.
    fn is_owned_by(&self, daemon: &Daemon) {
        let filter = self.site.filter();
        let expected = format!(
            "Second:4: if: interface edge0 is filtered by another corexdp, process {}; stop that process, or change its Corefile and reload it",
            daemon.pid()
        );
        for text in [
            corefile(OLD, "exit hold"),
            corefile(NEW, "exit hold"),
            corefile(NEW, "exit detach"),
            corefile(NEW, "mode generic"),
        ] {
            let outcome = self.site.finish(&mut self.second(&text));
            outcome.expect(69, &[&expected]);
            assert_eq!(self.site.filter(), filter, "{text}");
        }
    }

    fn drops(&self, source: &str, so_far: u64) {
        self.site.link_is_up();
        self.site.sender().send(&packet(source), 2);
        self.site.metric_becomes("coredns_ebpf_dropped", so_far + 2);
    }
}

fn corefile(network: &str, exit: &str) -> String {
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf example.o\n    map {network}.FFFF0000.00000000\n    metric dropped 00000000 8 4 \"Dropped.\"\n    {exit}\n  }}\n}}\n"
    )
}

fn other(network: &str, exit: &str) -> String {
    corefile(network, exit).replace("example.o", "other/example.o")
}

const OLD: &str = "0A0B0000";
const NEW: &str = "0A0C0000";
