//! Seccomp filters from lists of allowed system calls.

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

/// Sets or clears `O_NONBLOCK` (`asm-generic/ioctls.h`).
pub const FIONBIO: c_int = 0x5421;

/// An allowed system call, with conditions on its arguments. Several rules for one call allow each of their cases.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Number of the call on this architecture (`libc::SYS_…`).
    pub call: c_long,
    /// Conditions that all must hold.
    pub when: &'static [When],
}

/// A condition on an argument: `argument & mask == value`.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// Index of the argument, from 0.
    pub argument: u8,
    /// Bits that are compared. The upper 32 bits of an `int` are undefined; those of a pointer count.
    pub mask: u64,
    /// Value of these bits.
    pub value: u64,
}

/// Result of a call that no rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// SIGSYS kills the process (4.14; the thread before).
    Ends,
    /// The call fails with this errno.
    Fails(Errno),
}

/// Allows the call with any arguments.
pub const fn any(call: c_long) -> Rule {
    Rule { call, when: &[] }
}

/// Allows the call under these conditions.
pub const fn only(call: c_long, when: &'static [When]) -> Rule {
    Rule { call, when }
}

/// Condition that the argument has this value.
pub const fn is(argument: u8, value: i32) -> When {
    bits(argument, -1, value)
}

/// Condition that the command of a `bpf(2)` call is this one of [`bpf_call`](super::bpf_call).
pub const fn command(command: u32) -> When {
    is(0, command.cast_signed())
}

/// Condition that the bits in `mask` of the argument have this value.
pub const fn bits(argument: u8, mask: i32, value: i32) -> When {
    // `From` is not const.
    When {
        argument,
        mask: mask.cast_unsigned() as u64,
        value: value.cast_unsigned() as u64,
    }
}

/// Condition that the argument is a null pointer.
pub const fn null(argument: u8) -> When {
    When {
        argument,
        mask: u64::MAX,
        value: 0,
    }
}

/// Restricts this thread, and threads and processes that it starts, to the calls in `lists`. Calls in `refused` fail
/// with their errno; `otherwise` applies to all other calls. Nothing can undo the restriction; of several restrictions
/// the strictest applies to a call.
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
        Otherwise::Fails(errno) => errno_action(errno),
    };
    let rules = lists.iter().copied().flatten().copied();
    // A filter has one action for listed calls and one for all others, and the strictest action of several filters
    // applies. So each refused call has its own filter, and the last filter allows the call.
    for &(call, errno) in refused {
        install(
            std::iter::once(any(call)),
            errno_action(errno),
            SeccompAction::Allow,
        )?;
    }
    let refused = refused.iter().map(|(call, _)| any(*call));
    // Installing a filter is a call too, so the filter that forbids `seccomp` is the last.
    install(rules.chain(refused), SeccompAction::Allow, otherwise)
}

fn errno_action(errno: Errno) -> SeccompAction {
    SeccompAction::Errno((errno as i32).cast_unsigned())
}

fn install(
    list: impl Iterator<Item = Rule>,
    listed: SeccompAction,
    others: SeccompAction,
) -> Result<(), Errno> {
    let mut rules = BTreeMap::<i64, Vec<SeccompRule>>::new();
    for rule in list {
        let cases = rules.entry(rule.call).or_default();
        if !rule.when.is_empty() {
            cases.push(condition(rule.when)?);
        }
    }
    let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(|_| Errno::ENOSYS)?;
    let filter = SeccompFilter::new(rules, others, listed, architecture);
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
            let masked = SeccompCmpOp::MaskedEq(when.mask);
            let width = if when.mask > u32::MAX.into() {
                SeccompCmpArgLen::Qword
            } else {
                SeccompCmpArgLen::Dword
            };
            SeccompCondition::new(when.argument, width, masked, when.value)
        })
        .collect();
    conditions
        .and_then(SeccompRule::new)
        .map_err(|_| Errno::EINVAL)
}
