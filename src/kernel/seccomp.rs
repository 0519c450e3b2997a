//! Lists of system calls that a process may still make (seccomp), as data.

use std::collections::BTreeMap;

use nix::errno::Errno;
#[cfg(target_arch = "x86_64")]
pub use nix::libc::SYS_poll as POLL;
#[cfg(not(target_arch = "x86_64"))]
pub use nix::libc::SYS_ppoll as POLL;
use nix::libc::{c_int, c_long};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

use super::errno;

/// Makes a socket not wait (`asm-generic/ioctls.h`).
pub const FIONBIO: c_int = 0x5421;

/// A system call and what its arguments must be like. One that stands in a list several times may be made in each of
/// these ways.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its number on this machine (`libc::SYS_…`).
    pub call: c_long,
    /// All of these must hold.
    pub when: &'static [When],
}

/// What an argument must be like: its low 32 bits, of them those of `mask`, are `value`.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// Which argument, from 0.
    pub argument: u8,
    /// The bits that matter.
    pub mask: u32,
    /// What they must be.
    pub value: u32,
}

/// What becomes of a call that is not in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// The process ends by SIGSYS (4.14; before, the thread).
    Ends,
    /// The call fails.
    Fails(Errno),
}

/// The call, whatever its arguments.
pub const fn any(call: c_long) -> Rule {
    Rule { call, when: &[] }
}

/// The call, when its arguments are like this.
pub const fn only(call: c_long, when: &'static [When]) -> Rule {
    Rule { call, when }
}

/// The argument has this value.
pub const fn is(argument: u8, value: i32) -> When {
    bits(argument, -1, value)
}

/// The command of a `bpf(2)` call, one of those in [`bpf_call`](super::bpf_call).
pub const fn command(command: u32) -> When {
    is(0, command.cast_signed())
}

/// These bits of the argument have this value.
pub const fn bits(argument: u8, mask: i32, value: i32) -> When {
    When {
        argument,
        mask: mask.cast_unsigned(),
        value: value.cast_unsigned(),
    }
}

/// Lets this thread, and all it will start, make only the calls of these lists, for good. Those that are `refused` fail,
/// whatever becomes of the others.
///
/// # Errors
/// `EINVAL` or `ENOSYS` where the kernel was built without `CONFIG_SECCOMP_FILTER`.
pub fn allow(
    lists: &[&[Rule]],
    refused: &[(c_long, Errno)],
    otherwise: Otherwise,
) -> Result<(), Errno> {
    let otherwise = match otherwise {
        Otherwise::Ends => SeccompAction::KillProcess,
        Otherwise::Fails(errno) => fails(errno),
    };
    let rules = lists.iter().copied().flatten().copied();
    // A filter has one answer to what is listed and one to the rest, and of several filters' answers the hardest is
    // taken. So what is refused has a filter of its own, and is let through by the one that ends the process.
    for &(call, errno) in refused {
        install(
            std::iter::once(any(call)),
            fails(errno),
            SeccompAction::Allow,
        )?;
    }
    let let_through = refused.iter().map(|(call, _)| any(*call));
    // Installing a filter is a call too, so the one without `seccomp` comes last.
    install(rules.chain(let_through), SeccompAction::Allow, otherwise)
}

fn fails(errno: Errno) -> SeccompAction {
    SeccompAction::Errno((errno as i32).cast_unsigned())
}

fn install(
    list: impl Iterator<Item = Rule>,
    listed: SeccompAction,
    others: SeccompAction,
) -> Result<(), Errno> {
    let mut rules = BTreeMap::<i64, Vec<SeccompRule>>::new();
    for rule in list {
        let ways = rules.entry(rule.call).or_default();
        if !rule.when.is_empty() {
            ways.push(condition(rule.when)?);
        }
    }
    let machine = TargetArch::try_from(std::env::consts::ARCH).map_err(|_| Errno::ENOSYS)?;
    let filter = SeccompFilter::new(rules, others, listed, machine);
    let program: seccompiler::BpfProgram = filter
        .and_then(TryInto::try_into)
        .map_err(|_| Errno::EINVAL)?;
    apply_filter(&program).map_err(|error| match error {
        seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error) => errno(&error),
        _ => Errno::EINVAL,
    })
}

fn condition(when: &[When]) -> Result<SeccompRule, Errno> {
    let conditions: Result<_, _> = when
        .iter()
        .map(|when| {
            let masked = SeccompCmpOp::MaskedEq(when.mask.into());
            let width = SeccompCmpArgLen::Dword;
            SeccompCondition::new(when.argument, width, masked, when.value.into())
        })
        .collect();
    conditions
        .and_then(SeccompRule::new)
        .map_err(|_| Errno::EINVAL)
}
