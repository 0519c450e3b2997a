//! Calls without injection and accepted outcomes, each with its reason. The lists are as short as possible.

use std::fmt::Write as _;

use crate::calls::Call;
use crate::cases::Case;

/// An exception for some calls.
struct Known {
    calls: &'static [&'static str],
    /// The text that identifies the exception; each list says where the text is found.
    sign: &'static str,
    why: &'static str,
}

const fn known(calls: &'static [&'static str], sign: &'static str, why: &'static str) -> Known {
    Known { calls, sign, why }
}

/// Calls before the program's first own call; stages that begin with a program skip them.
const BEFORE_MAIN: &str = "calls of the loader, the C library and std before main";

/// The reason for missed calls of a new worker.
const WORKERS: &str =
    "calls of the worker: the number of calls of each thread depends on their timing";

/// Calls without injection. The sign is a prefix of the arguments.
const SPARED: &[Known] = &[
    known(
        &["brk"],
        "",
        "returns an address and never an errno, which the C library does not check",
    ),
    known(
        &["close"],
        "",
        "Linux closes the descriptor even on an error; strace would leave it open",
    ),
    known(&["exit", "exit_group"], "", "does not return"),
    known(
        &["futex"],
        "",
        "a failed wake-up would leave a thread waiting forever; on Linux no wake-up fails",
    ),
    known(&["geteuid", "getpid", "gettid"], "", "cannot fail"),
    known(
        &["restart_syscall"],
        "",
        "made because strace attached while the process waited",
    ),
    known(
        &["rt_sigprocmask"],
        "SIG_BLOCK, ~[]",
        "call of the C library before a new process or thread; it cannot fail with valid arguments",
    ),
    known(&["rt_sigprocmask"], "SIG_SETMASK", "the same, after it"),
];

/// Accepted ends by a signal. The sign is part of the process's output.
const ENDS: &[Known] = &[
    known(
        &["mmap", "mremap", "mprotect"],
        "memory allocation of ",
        "std aborts when an allocation fails",
    ),
    known(
        &["getrandom"],
        "failed to generate random data",
        "std's hash maps panic without randomness; on Linux such a call does not fail",
    ),
];

/// Descriptors that the daemon may have open in addition. The sign is the path.
const OPEN: &[Known] = &[known(
    &["getrandom"],
    "/dev/urandom",
    "the fallback source of randomness of std, which keeps it open",
)];

/// Failures that are reported without their errno. The sign is part of the report.
const VAGUE: &[Known] = &[known(
    &["fcntl", "sendto"],
    "the keeper ended before it was ready",
    "the keeper reports errors by these calls",
)];

/// Calls that may be missing in the next run. The sign is a prefix of the arguments.
const RARE: &[Known] = &[
    known(
        &["bpf"],
        "BPF_MAP_LOOKUP_BATCH",
        "the daemon counts the entries of a map again only when counting is cheap",
    ),
    known(
        &["poll"],
        "",
        "the number of waits depends on the timing of events",
    ),
    known(
        &["kill", "wait4"],
        "",
        "the number of attempts depends on the speed of the keeper",
    ),
];

/// True if this call may be missing although it was recorded.
pub(crate) fn may_be_missed(process: &str, call: &Call) -> bool {
    process == "worker" || among(RARE, &call.name, |sign| call.about.starts_with(sign))
}

/// True if nothing is injected into this call.
pub(crate) fn is_spared(call: &Call) -> bool {
    among(SPARED, &call.name, |sign| call.about.starts_with(sign))
}

/// True if a signal may end a process in this case, after these lines.
pub(crate) fn may_end(case: &Case, code: Option<i32>, lines: &[String]) -> bool {
    code.is_none() && among(ENDS, &case.call.name, |sign| say(lines, sign))
}

/// True if the daemon may have this descriptor open.
pub(crate) fn may_open(case: &Case, name: &str) -> bool {
    among(OPEN, &case.call.name, |sign| sign == name)
}

/// True if these lines explain this case sufficiently.
pub(crate) fn may_be_vague(case: &Case, lines: &[String]) -> bool {
    among(VAGUE, &case.call.name, |sign| say(lines, sign))
}

fn among(list: &[Known], call: &str, has: impl Fn(&str) -> bool) -> bool {
    let mut list = list.iter();
    list.any(|known| known.calls.contains(&call) && has(known.sign))
}

fn say(lines: &[String], sign: &str) -> bool {
    lines.iter().any(|line| line.contains(sign))
}

/// All exceptions, one on each line.
pub(crate) fn list() -> String {
    let mut text = format!("not injected: {BEFORE_MAIN}\nmay be missed: {WORKERS}\n");
    for (what, list) in [
        ("not injected", SPARED),
        ("may be missed", RARE),
        ("may end by a signal", ENDS),
        ("may leave open", OPEN),
        ("may be reported without its errno", VAGUE),
    ] {
        for Known { calls, sign, why } in list {
            let calls = calls.join(", ");
            let sign = if sign.is_empty() {
                ""
            } else {
                &format!(" [{sign}]")
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{what}: {calls}{sign}: {why}");
        }
    }
    text
}
