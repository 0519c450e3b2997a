//! What the kernel refuses, in words: what is at fault, and what would be right.

use std::fmt::{self, Write as _};

use nix::errno::Errno;

use super::Context;
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::kernel::attach::{Failure, Mode};
use crate::kernel::interface::Interface;
use crate::kernel::{Words, cut, info, program};

impl Context<'_> {
    /// Few cards take programs; the kernel says no more than that.
    pub(super) fn no_offload(&self, failure: &program::Failure) -> Diagnostic {
        let program::Failure::Refused(Errno::EINVAL | Errno::EOPNOTSUPP) = failure else {
            return self.not_loaded(failure);
        };
        let name = &self.block.interface;
        let what = format!("interface {name} has no XDP offload; use mode auto");
        self.wrong(self.block.interface_at, "if", Blame::System, what)
    }

    pub(super) fn not_loaded(&self, failure: &program::Failure) -> Diagnostic {
        let path = self.block.elf.display();
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
        self.wrong(self.block.elf_at, "elf", blame, format!("{path}: {what}"))
    }

    pub(super) fn not_attached(
        &self,
        failure: Failure,
        mode: Mode,
        interface: &Interface,
    ) -> Diagnostic {
        let name = &self.block.interface;
        let at = self.block.interface_at;
        match failure {
            // Somebody was quicker than our look at the interface; look again, for the name.
            Failure::Occupied => self.interface().err().unwrap_or_else(|| {
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
pub(super) fn held(interface: &str, id: u32) -> String {
    let name = info::program_by_id(id).map_or_else(
        |_| "name unknown".to_owned(),
        |program| format!("name {}", program.name),
    );
    format!(
        "interface {interface} is held by another XDP program, id {id}, {name}; detach that first"
    )
}

/// Why a driver refuses: its own words, else the errno, with what is known to cause it.
pub(super) fn in_words(errno: Errno, words: &str, interface: &Interface) -> Words {
    let said = if words.is_empty() {
        errno.desc()
    } else {
        words
    };
    let mut text = cut(said);
    // What is too long is cut.
    let _ = match errno {
        Errno::EOPNOTSUPP if words.is_empty() => return cut("the driver has no XDP"),
        Errno::EPERM => text
            .push_str("; it needs CAP_NET_ADMIN")
            .map_err(|_| fmt::Error),
        Errno::ERANGE | Errno::EINVAL => write!(text, " (mtu {})", interface.mtu),
        _ => Ok(()),
    };
    text
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
