//! One running filter: maps created, filled, program loaded, attached.
//!
//! The order is the point. A filter is [`Loaded`] with its maps full before it is attached, and every filter is loaded
//! before the first is attached; dropping one at any step takes back all it did.

mod fill;
mod maps;
mod wait;

use std::os::fd::AsRawFd;

use nix::errno::Errno;

use crate::config::{self, Blame, Diagnostic, Metric};
use crate::corefile::{Corefile, Token};
use crate::kernel::attach::{Attachment, Failure, Mode};
use crate::kernel::interface::{self, Interface};
use crate::kernel::map::Map;
use crate::kernel::program::{self, Program};
use crate::kernel::{self, info};
use crate::log::Log;
use crate::object::LinkedObject;
use crate::plan::MAP;

pub use fill::Batch;
pub use wait::wait_for;

/// A program in the kernel with its maps filled, attached to nothing yet.
#[derive(Debug)]
pub struct Loaded {
    program: Program,
    map: Option<Map>,
}

/// A program attached to an interface.
#[derive(Debug)]
pub struct Filter {
    /// The interface's name.
    pub interface: heapless::String<15>,
    /// The attachment; dropping it detaches.
    pub attachment: Attachment,
    /// Why it is not native, where that was wanted.
    pub reason: Option<String>,
    /// The program.
    pub program: info::Program,
    /// The map that entries and metrics mean, where the object has it.
    pub map: Option<Map>,
    /// What is read from it.
    pub metrics: Vec<Metric>,
    /// Whether its changes are logged.
    pub debug: bool,
}

/// What is being made: the `ebpf` block, the Corefile it stands in, the object, and where messages go.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The `ebpf` block.
    pub filter: &'a config::Filter,
    /// The Corefile it stands in.
    pub corefile: &'a Corefile,
    /// The object it names.
    pub object: &'a LinkedObject,
    /// Where messages go.
    pub log: &'a Log,
}

impl Order<'_> {
    fn wrong(&self, at: Token, directive: &str, blame: Blame, message: String) -> Diagnostic {
        Diagnostic::new(self.corefile, at, directive, message, blame)
    }

    fn kernel(&self, at: Token, directive: &str, error: &kernel::Error) -> Diagnostic {
        self.wrong(at, directive, blame(error.errno), error.to_string())
    }

    /// Looks up the interface, which must be there, up, and free.
    ///
    /// # Errors
    /// What it is not.
    pub fn interface(&self) -> Result<Interface, Diagnostic> {
        let (name, at) = (&self.filter.interface, self.filter.interface_at);
        let wrong = |what: String| Err(self.wrong(at, "if", Blame::Interface, what));
        let found = interface::find(name).map_err(|error| self.kernel(at, "if", &error))?;
        let Some(interface) = found else {
            return wrong(format!(
                "interface {name} is missing; `wait DURATION` waits for one that appears late"
            ));
        };
        if !interface.up {
            return wrong(format!(
                "interface {name} is down; set it up, or let `wait DURATION` wait for it"
            ));
        }
        if let Some((_, id)) = interface.xdp {
            return wrong(held(name, id));
        }
        Ok(interface)
    }

    /// Creates and fills the maps and loads the program.
    ///
    /// # Errors
    /// When the kernel refuses; then nothing of it remains.
    pub fn load(&self, cpus: usize, batch: &mut Batch) -> Result<Loaded, Diagnostic> {
        let maps = maps::create(self, cpus)?;
        let position = self.object.maps.iter().position(|map| map.name == MAP);
        if let Some(map) = position.and_then(|at| maps.get(at)) {
            fill::fill(self, map, batch)?;
        }
        let card = match self.filter.mode {
            config::Mode::Offload => Some(self.interface()?.index),
            _ => None,
        };
        let fds: Vec<_> = maps.iter().map(|map| map.fd().as_raw_fd()).collect();
        let program =
            Program::load(self.object, &fds, card).map_err(|failure| self.not_loaded(&failure))?;
        let map = position.and_then(|at| maps.into_iter().nth(at));
        Ok(Loaded { program, map })
    }

    fn not_loaded(&self, failure: &program::Failure) -> Diagnostic {
        let path = self.filter.elf.display();
        let (blame, what) = match failure {
            program::Failure::Verifier(verdict) => {
                verdict.lines().for_each(|line| self.log.info(format_args!("verifier: {line}")));
                (Blame::Object, format!("the verifier refused it: {}", last_lines(verdict)))
            }
            program::Failure::Refused(Errno::EPERM | Errno::EACCES) => {
                (Blame::Privilege, "not permitted to load a program; it needs CAP_BPF and CAP_NET_ADMIN (CAP_SYS_ADMIN before kernel 5.8)".into())
            }
            program::Failure::Refused(Errno::E2BIG) => (Blame::Object, "has more instructions than this kernel takes".into()),
            program::Failure::Refused(Errno::EINVAL) => {
                (Blame::Object, "this kernel does not take such a program, and does not say why; does its license allow the helpers it calls?".into())
            }
            program::Failure::Refused(errno) => (Blame::System, format!("can't be loaded: {}", errno.desc())),
            program::Failure::Object(error) => (Blame::Object, error.to_string()),
        };
        self.wrong(self.filter.elf_at, "elf", blame, format!("{path}: {what}"))
    }

    /// Attaches what was loaded.
    ///
    /// # Errors
    /// When the interface is gone or held, or the driver refuses.
    pub fn attach(&self, loaded: Loaded) -> Result<Filter, Diagnostic> {
        let interface = self.interface()?;
        let (attachment, reason) = self.attach_somehow(&interface, &loaded.program)?;
        Ok(Filter {
            interface: self.filter.interface.clone(),
            attachment,
            reason,
            program: loaded.program.info,
            map: loaded.map,
            metrics: self.filter.metrics.clone(),
            debug: self.filter.debug,
        })
    }

    fn attach_somehow(
        &self,
        interface: &Interface,
        program: &Program,
    ) -> Result<(Attachment, Option<String>), Diagnostic> {
        let attach =
            |mode| Attachment::new(interface.index, std::os::fd::AsFd::as_fd(program), mode);
        let mode = match self.filter.mode {
            config::Mode::Auto | config::Mode::Native => Mode::Native,
            config::Mode::Generic => Mode::Generic,
            config::Mode::Offload => Mode::Offload,
        };
        match attach(mode) {
            Ok(attachment) => Ok((attachment, None)),
            Err(Failure::Refused(errno, words))
                if self.filter.mode == config::Mode::Auto && errno != Errno::EPERM =>
            {
                let reason = in_words(errno, &words, interface);
                let attachment = attach(Mode::Generic)
                    .map_err(|failure| self.not_attached(failure, Mode::Generic, interface))?;
                Ok((attachment, Some(reason)))
            }
            Err(failure) => Err(self.not_attached(failure, mode, interface)),
        }
    }

    fn not_attached(&self, failure: Failure, mode: Mode, interface: &Interface) -> Diagnostic {
        let name = &self.filter.interface;
        let at = self.filter.interface_at;
        match failure {
            // Somebody was quicker than our look at the interface; look again, for the name.
            Failure::Held => self.interface().err().unwrap_or_else(|| {
                self.wrong(
                    at,
                    "if",
                    Blame::Interface,
                    format!("interface {name} is held by another XDP program; detach that first"),
                )
            }),
            Failure::Gone => self.wrong(
                at,
                "if",
                Blame::Interface,
                format!("interface {name} has just gone"),
            ),
            Failure::Refused(errno, words) => {
                let what = format!(
                    "interface {name} refuses {mode} mode: {}",
                    in_words(errno, &words, interface)
                );
                self.wrong(at, "if", blame(errno), what)
            }
        }
    }
}

/// The program of this id as a reason not to attach.
fn held(interface: &str, id: u32) -> String {
    let name = info::program_by_id(id).map_or_else(
        |_| "name unknown".to_owned(),
        |program| format!("name {}", program.name),
    );
    format!(
        "interface {interface} is held by another XDP program, id {id}, {name}; detach that first"
    )
}

/// Why a driver refuses: its own words, else the errno, with what is known to cause it.
fn in_words(errno: Errno, words: &str, interface: &Interface) -> String {
    let said = if words.is_empty() {
        errno.desc()
    } else {
        words
    };
    match errno {
        Errno::EOPNOTSUPP if words.is_empty() => "the driver has no XDP".into(),
        Errno::EPERM => format!("{said}; it needs CAP_NET_ADMIN"),
        Errno::ERANGE | Errno::EINVAL => format!("{said} (mtu {})", interface.mtu),
        _ => said.to_owned(),
    }
}

/// Whose fault an errno is.
pub const fn blame(errno: Errno) -> Blame {
    match errno {
        Errno::EPERM | Errno::EACCES => Blame::Privilege,
        _ => Blame::System,
    }
}

/// The end of the verifier's log, without its statistics, as one line.
fn last_lines(log: &str) -> String {
    const MOST: usize = 3;
    let statistics = |line: &&str| {
        line.starts_with("processed ")
            || line.starts_with("verification time")
            || line.starts_with("stack depth")
    };
    let mut lines: Vec<_> = log
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !statistics(line))
        .collect();
    lines.drain(..lines.len().saturating_sub(MOST));
    lines.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifiers_last_lines_say_what_it_did_not_like() {
        let log = "0: (b7) r1 = 0\n1: (71) r0 = *(u8 *)(r1 +0)\nR1 invalid mem access 'scalar'\nverification time 40 usec\nstack depth 0\nprocessed 2 insns (limit 1000000)\n";
        assert_eq!(
            last_lines(log),
            "0: (b7) r1 = 0 | 1: (71) r0 = *(u8 *)(r1 +0) | R1 invalid mem access 'scalar'"
        );
        assert_eq!(last_lines(""), "");
    }
}
