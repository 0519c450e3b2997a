//! What is not injected, and why.

use crate::calls::Call;
use crate::cases::Case;

/// Calls that nothing is injected into: name, what the arguments begin with, and why.
const SPARED: &[(&str, &str, &str)] = &[
    (
        "brk",
        "",
        "answers with an address and never with an errno, for which the C library does not look",
    ),
    (
        "close",
        "",
        "Linux closes the descriptor whatever it answers; strace would leave it open",
    ),
    ("exit", "", "does not return"),
    ("exit_group", "", "does not return"),
    (
        "futex",
        "",
        "a wake-up that fails is lost, and whoever waits for it waits on; Linux has none that fails",
    ),
    ("geteuid", "", "can't fail"),
    ("getpid", "", "can't fail"),
    ("gettid", "", "can't fail"),
    (
        "restart_syscall",
        "",
        "made because strace came while the process waited",
    ),
    (
        "rt_sigprocmask",
        "SIG_BLOCK, ~[]",
        "the C library's around a new process or thread, which takes for granted that it can't fail",
    ),
    (
        "rt_sigprocmask",
        "SIG_SETMASK",
        "the C library's around a new process or thread, which takes for granted that it can't fail",
    ),
];

/// Why nothing is injected into this call; `None` when something is.
pub(crate) fn reason(call: &Call) -> Option<&'static str> {
    let mut spared = SPARED.iter();
    let spared =
        spared.find(|(name, about, _)| *name == call.name && call.about.starts_with(about));
    spared.map(|(_, _, reason)| *reason)
}

/// Ends that nobody can mend: what the case must be, what is said, and why.
const ENDS: &[(&[&str], &str, &str)] = &[
    (
        &["mmap", "mremap", "mprotect"],
        "memory allocation of ",
        "std ends a program whose allocator has nothing left",
    ),
    (
        &["getrandom"],
        "failed to generate random data",
        "std's hash maps, which redbpf uses, know no way to say that there is no randomness; Linux has it always",
    ),
];

/// Whether a process may end by a signal in this case, having said this.
pub(crate) fn may_end(case: &Case, code: Option<i32>, lines: &[String]) -> bool {
    let ends = |(calls, said, _): &(&[&str], &str, &str)| {
        let is_said = lines.iter().any(|line| line.contains(said));
        calls.contains(&case.call.name.as_str()) && is_said
    };
    code.is_none() && ENDS.iter().any(ends)
}

/// Descriptors that a daemon may have open although others have not: when what failed, what it is, and why.
const OPEN: &[(&str, &str, &str)] = &[(
    "getrandom",
    "/dev/urandom",
    "std's other source of randomness, which it keeps",
)];

/// Whether a daemon may have this open.
pub(crate) fn may_open(case: &Case, name: &str) -> bool {
    let mut open = OPEN.iter();
    open.any(|(call, opened, _)| *call == case.call.name && *opened == name)
}

/// Failures that can be told, but not their errno: the same.
const VAGUE: &[(&[&str], &str, &str)] = &[(
    &["fcntl", "sendto"],
    "it ended before it was ready",
    "these calls are the keeper's way to tell",
)];

/// Whether no more is to be said of this case than these lines say.
pub(crate) fn may_be_vague(case: &Case, lines: &[String]) -> bool {
    VAGUE.iter().any(|(calls, said, _)| {
        let is_said = lines.iter().any(|line| line.contains(said));
        calls.contains(&case.call.name.as_str()) && is_said
    })
}
