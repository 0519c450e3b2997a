//! Calls that are not injected, and outcomes that are accepted, each with its reason; as few as possible.

use std::fmt::Write as _;

use crate::calls::Call;
use crate::cases::Case;

/// Something known of some calls.
struct Known {
    calls: &'static [&'static str],
    /// By what it is recognised; each list says where that stands.
    sign: &'static str,
    why: &'static str,
}

const fn known(calls: &'static [&'static str], sign: &'static str, why: &'static str) -> Known {
    Known { calls, sign, why }
}

/// Calls before a program's first own call; the stages that begin with a program leave them out.
const BEFORE_MAIN: &str = "the loader's, the C library's and std's, before main";

/// The reason for calls that a case makes in a new worker.
const WORKERS: &str =
    "the worker's: of several threads, which of them asks how often depends on who is quicker";

/// Calls that nothing is injected into. Their arguments begin with the sign.
const SPARED: &[Known] = &[
    known(
        &["brk"],
        "",
        "answers with an address and never with an errno, for which the C library does not look",
    ),
    known(
        &["close"],
        "",
        "Linux closes the descriptor whatever it answers; strace would leave it open",
    ),
    known(&["exit", "exit_group"], "", "does not return"),
    known(
        &["futex"],
        "",
        "a wake-up that fails is lost, and whoever waits for it waits on; Linux has none that fails",
    ),
    known(&["geteuid", "getpid", "gettid"], "", "can't fail"),
    known(
        &["restart_syscall"],
        "",
        "made because strace came while the process waited",
    ),
    known(
        &["rt_sigprocmask"],
        "SIG_BLOCK, ~[]",
        "the C library's, for whose valid arguments it can't fail, before a new process or thread",
    ),
    known(&["rt_sigprocmask"], "SIG_SETMASK", "the same, after it"),
];

/// Ends by a signal. The process says the sign.
const ENDS: &[Known] = &[
    known(
        &["mmap", "mremap", "mprotect"],
        "memory allocation of ",
        "std ends a program whose allocator has nothing left",
    ),
    known(
        &["getrandom"],
        "failed to generate random data",
        "std's hash maps, which redbpf uses, know no other way; Linux has randomness for all who ask like this",
    ),
];

/// Descriptors that a daemon may have open although others have not; the sign is what they are of.
const OPEN: &[Known] = &[known(
    &["getrandom"],
    "/dev/urandom",
    "std's other source of randomness, which it keeps",
)];

/// Failures that can be told, but not their errno. What is told has the sign.
const VAGUE: &[Known] = &[known(
    &["fcntl", "sendto"],
    "the keeper ended before it was ready",
    "these calls are the keeper's way to tell",
)];

/// Calls that may not be made the next time. Their arguments begin with the sign.
const SELDOM: &[Known] = &[
    known(
        &["bpf"],
        "BPF_MAP_LOOKUP_BATCH",
        "the daemon counts a map's entries anew only when that takes little of its time",
    ),
    known(
        &["poll"],
        "",
        "the daemon waits once more or not, as news come together or one after the other",
    ),
    known(
        &["kill", "wait4"],
        "",
        "the daemon continues its keeper and looks for its end once more or not, as the keeper is quick or slow",
    ),
];

/// True if this call may be missing although it was recorded.
pub(crate) fn may_be_missed(process: &str, call: &Call) -> bool {
    process == "worker" || among(SELDOM, &call.name, |sign| call.about.starts_with(sign))
}

/// True if nothing is injected into this call.
pub(crate) fn is_spared(call: &Call) -> bool {
    among(SPARED, &call.name, |sign| call.about.starts_with(sign))
}

/// True if a signal may end a process in this case, after these lines.
pub(crate) fn may_end(case: &Case, code: Option<i32>, lines: &[String]) -> bool {
    code.is_none() && among(ENDS, &case.call.name, |sign| say(lines, sign))
}

/// True if a daemon may have this descriptor open.
pub(crate) fn may_open(case: &Case, name: &str) -> bool {
    among(OPEN, &case.call.name, |sign| sign == name)
}

/// True if these lines are explanation enough for this case.
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

/// All of it, a line each.
pub(crate) fn list() -> String {
    let mut text = format!("not injected: {BEFORE_MAIN}\nmay be missed: {WORKERS}\n");
    for (what, list) in [
        ("not injected", SPARED),
        ("may be missed", SELDOM),
        ("may end by a signal", ENDS),
        ("may leave open", OPEN),
        ("may be told without its errno", VAGUE),
    ] {
        for Known { calls, sign, why } in list {
            let calls = calls.join(", ");
            let sign = if sign.is_empty() {
                ""
            } else {
                &format!(" [{sign}]")
            };
            // Writing to a String can't fail.
            let _ = writeln!(text, "{what}: {calls}{sign}: {why}");
        }
    }
    text
}
