//! What is not injected, and why.

use crate::cases::Case;

/// Calls that nothing is injected into.
const SPARED: &[(&str, &str)] = &[
    (
        "close",
        "Linux closes the descriptor whatever it answers; strace would leave it open",
    ),
    ("exit", "does not return"),
    ("exit_group", "does not return"),
    ("geteuid", "can't fail"),
    ("getpid", "can't fail"),
    ("gettid", "can't fail"),
    (
        "restart_syscall",
        "made because strace came while the process waited",
    ),
];

/// Why nothing is injected into calls of this name; `None` when something is.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    let spared = SPARED.iter().find(|(spared, _)| *spared == name);
    spared.map(|(_, reason)| *reason)
}

/// Ends that nobody can mend: what the case must be, what is said, and why.
const ENDS: &[(&[&str], &str, &str)] = &[(
    &["brk", "mmap", "mremap", "mprotect"],
    "memory allocation of ",
    "std ends a program whose allocator has nothing left",
)];

/// Whether a process may end by a signal in this case, having said this.
pub(crate) fn may_end(case: &Case, code: Option<i32>, lines: &[String]) -> bool {
    let Some(last) = lines.last() else {
        return false;
    };
    let ends = |(calls, said, _): &(&[&str], &str, &str)| {
        calls.contains(&case.call.name.as_str()) && last.contains(said)
    };
    code.is_none() && ENDS.iter().any(ends)
}
