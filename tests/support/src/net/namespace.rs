//! Network namespaces, created and removed with `ip netns`.

use std::fs::File;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;

use corexdp::kernel::namespace;
use nix::sched::{CloneFlags, setns};
use nix::unistd::geteuid;

use super::unique;

/// A network namespace of one test. Dropping it removes it.
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Creates a namespace whose loopback interface is up.
    pub fn new() -> Self {
        assert!(
            geteuid().is_root(),
            "this test makes network namespaces; run it as root"
        );
        let name = unique();
        succeed("ip netns add", &ip(&["netns", "add", &name]));
        let namespace = Self { name };
        namespace.run("ip link set lo up");
        namespace
    }

    /// The name of the namespace, for `ip link … netns`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `act` inside the namespace. Sockets and processes that `act` makes stay there.
    pub fn enter<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.name)).unwrap();
        let inside = move || {
            // `setns` changes the namespace of this thread alone, which ends below.
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            act()
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// The folder where a daemon in this namespace pins the filter of an interface.
    pub fn pins(&self, interface: &str) -> PathBuf {
        let number = self.enter(namespace::network).unwrap();
        let number = number.expect("only the initial namespace has no number");
        format!("/sys/fs/bpf/corexdp/{interface}@netns-{number}").into()
    }

    /// Runs a command inside the namespace and returns its output. White space separates the words.
    pub fn run(&self, line: &str) -> String {
        succeed(line, &self.attempt(line))
    }

    /// Runs a command that may fail inside the namespace.
    pub fn attempt(&self, line: &str) -> Output {
        let mut words = line.split_whitespace();
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        self.enter(move || command.output())
            .unwrap_or_else(|error| panic!("{line}: {error}"))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let removed = ip(&["netns", "del", &self.name]);
        if !thread::panicking() {
            succeed("ip netns del", &removed);
        }
    }
}

fn ip(args: &[&str]) -> Output {
    Command::new("ip")
        .args(args)
        .output()
        .expect("ip runs; install iproute2")
}

/// The output of a command that must have succeeded.
pub fn succeed(line: &str, output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{line}: {}: {errors}",
        output.status
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}
