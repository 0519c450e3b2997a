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

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;

/// Sets or clears `O_NONBLOCK` (`asm-generic/ioctls.h`).
pub const FIONBIO: c_int = 0x5421;

/// An allowed system call, with conditions on its arguments. Of several rules for one call, each allows its own case.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Number of the call on this architecture (`libc::SYS_…`).
    pub call: c_long,
    /// Conditions, all of which must hold.
    pub conditions: &'static [Condition],
}

/// A condition on an argument: `argument & mask == value`.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// Index of the argument, from 0.
    pub argument: u8,
    /// Bits that are compared: the lower 32 of an `int`, whose upper bits are undefined; all 64 of a pointer.
    pub mask: u64,
    /// Value of the compared bits.
    pub value: u64,
}

/// Action on a call that no rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    /// SIGSYS kills the process (4.14; on older kernels, the thread).
    Kill,
    /// The call fails with this errno.
    Fail(Errno),
}

/// Allows the call with any arguments.
pub const fn any(call: c_long) -> Rule {
    only(call, &[])
}

/// Allows the call only under these conditions.
pub const fn only(call: c_long, conditions: &'static [Condition]) -> Rule {
    Rule { call, conditions }
}

/// Condition that the argument has this value.
pub const fn is(argument: u8, value: i32) -> Condition {
    bits(argument, -1, value)
}

/// Condition that the command of a `bpf(2)` call is this one of [`bpf_call`](super::bpf_call).
pub const fn command(command: u32) -> Condition {
    is(0, command.cast_signed())
}

/// Condition that the bits in `mask` of the argument have this value.
pub const fn bits(argument: u8, mask: i32, value: i32) -> Condition {
    // `From` is not const.
    Condition {
        argument,
        mask: mask.cast_unsigned() as u64,
        value: value.cast_unsigned() as u64,
    }
}

/// Condition that the argument is a null pointer.
pub const fn null(argument: u8) -> Condition {
    Condition {
        argument,
        mask: u64::MAX,
        value: 0,
    }
}

/// Restricts this thread, and threads and processes that it starts, to the calls in `lists`; `default` applies to all
/// other calls. The restriction is irrevocable; a later one can only be stricter.
///
/// # Errors
/// `EINVAL` or `ENOSYS` where the kernel was built without `CONFIG_SECCOMP_FILTER`.
pub fn allow(lists: &[&[Rule]], default: DefaultAction) -> Result<(), Errno> {
    let default = match default {
        DefaultAction::Kill => SeccompAction::KillProcess,
        DefaultAction::Fail(errno) => SeccompAction::Errno((errno as i32).cast_unsigned()),
    };
    let mut rules = BTreeMap::<i64, Vec<SeccompRule>>::new();
    for rule in lists.iter().copied().flatten() {
        let cases = rules.entry(rule.call).or_default();
        if !rule.conditions.is_empty() {
            cases.push(seccomp_rule(rule.conditions)?);
        }
    }
    let filter = SeccompFilter::new(rules, default, SeccompAction::Allow, ARCHITECTURE);
    let program: seccompiler::BpfProgram = filter
        .and_then(TryInto::try_into)
        .map_err(|_| Errno::EINVAL)?;
    apply_filter(&program).map_err(|error| match error {
        seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error) => errno(&error),
        _ => Errno::EINVAL,
    })
}

fn seccomp_rule(conditions: &[Condition]) -> Result<SeccompRule, Errno> {
    let conditions: Result<_, _> = conditions
        .iter()
        .map(|condition| {
            let masked = SeccompCmpOp::MaskedEq(condition.mask);
            let width = if condition.mask > u32::MAX.into() {
                SeccompCmpArgLen::Qword
            } else {
                SeccompCmpArgLen::Dword
            };
            SeccompCondition::new(condition.argument, width, masked, condition.value)
        })
        .collect();
    conditions
        .and_then(SeccompRule::new)
        .map_err(|_| Errno::EINVAL)
}
