//! Words for what the kernel refuses: the thing at fault, and the remedy.

use std::fmt::{self, Write as _};
use std::io;

use nix::errno::Errno;

use super::{Context, blame};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::kernel::interface::Interface;
use crate::kernel::{Words, cut, errno, info, program};

/// Error for an offload that the card refused. The kernel says the same for a card without XDP.
pub(super) fn no_offload(context: &Context<'_>, failure: &program::Failure) -> Diagnostic {
    let program::Failure::Refused(Errno::EINVAL | Errno::EOPNOTSUPP) = failure else {
        return not_loaded(context, failure);
    };
    let name = &context.block.interface;
    let what = format!("interface {name} has no XDP offload; use mode auto");
    context.wrong(context.block.interface_at, "if", Blame::System, what)
}

/// Error for a program that was not loaded. The verifier's whole log goes to the log.
pub(super) fn not_loaded(context: &Context<'_>, failure: &program::Failure) -> Diagnostic {
    let (block, log) = (context.block, context.log);
    let path = block.elf.display();
    let (blame, what) = match failure {
        program::Failure::Verifier(verdict) => {
            verdict.lines().for_each(|line| log.info(format_args!("verifier: {line}")));
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
    context.wrong(block.elf_at, "elf", blame, format!("{path}: {what}"))
}

/// Error for a descriptor that could not be duplicated.
pub(super) fn no_descriptor(context: &Context<'_>, error: &io::Error) -> Diagnostic {
    let what = format!("no descriptor to be had: {error}");
    context.wrong(context.block.at, "ebpf", blame(errno(error)), what)
}

/// Words for an interface that has the program `id` already.
pub(super) fn occupied(interface: &str, id: u32) -> String {
    let name = info::program_by_id(id).map_or_else(
        |_| "name unknown".to_owned(),
        |program| format!("name {}", program.name),
    );
    format!(
        "interface {interface} is held by another XDP program, id {id}, {name}; detach that first"
    )
}

/// Words for a driver that refuses: its own, else the errno's, with the known cause.
pub(super) fn in_words(errno: Errno, words: &str, interface: &Interface) -> Words {
    let said = if words.is_empty() {
        errno.desc()
    } else {
        words
    };
    let mut text = cut(said);
    // Text beyond the capacity is cut.
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

/// The last lines of the verifier's log, without its statistics, as one line.
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
