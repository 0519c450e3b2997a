//! The log of the verifier that refused a program: its last lines, and a remedy that it does not give.

use crate::base::quantity::Quantity;
use crate::log::Log;
use crate::object::POISON;

/// Maximum number of lines of the verifier's log that are logged without `debug`.
const MAX_LOGGED: usize = 20;

/// Remedy where the verifier's text gives none: for a relocation that this kernel cannot satisfy, it reports only an
/// unknown function; and no line of the program is a tail call, which the frame makes.
pub(super) fn hint(verifier_log: &str) -> &'static str {
    if verifier_log.contains(&format!("#{POISON}")) {
        "; this kernel lacks a type, member or enumerator that the program uses by CO-RE; test for it first, as by bpf_core_field_exists"
    } else if verifier_log.contains("tail_calls are not allowed in ") {
        // arm64 before 6.0, and every kernel that interprets programs (net.core.bpf_jit_enable=0).
        "; this kernel runs no stage behind a program that has functions of its own: make the program the last stage, or compile it with `__always_inline` functions"
    } else {
        ""
    }
}

/// Maximum number of lines that are logged: the log of a large program has 100,000 lines.
const fn log_lines(debug: bool) -> usize {
    if debug { usize::MAX } else { MAX_LOGGED }
}

/// Logs the last lines of the verifier's log, or with `debug` all lines.
pub(super) fn log_verifier(verifier_log: &str, debug: bool, log: &Log) {
    let omitted = omitted_lines(verifier_log.lines().count(), log_lines(debug));
    if omitted > 0 {
        log.info(format_args!(
            "verifier: {} before these; `debug` in the server block logs all",
            Quantity(omitted as u64, "line")
        ));
    }
    for line in verifier_log.lines().skip(omitted) {
        log.info(format_args!("verifier: {line}"));
    }
}

/// Number of leading lines that are not logged.
const fn omitted_lines(lines: usize, most: usize) -> usize {
    lines.saturating_sub(most)
}

/// Starts of lines about the verifier's own work: statistics, and the registers whose exact values it needs.
const WORK: [&str; 8] = [
    "processed ",
    "verification time",
    "stack depth",
    "mark_precise: ",
    "last_idx ",
    "regs=",
    "parent didn't have ",
    "parent already had ",
];

/// The last lines of the verifier's log about the program, as one line.
pub(super) fn last_lines(log: &str) -> String {
    const MAX_LINES: usize = 3;
    let is_work = |line: &&str| WORK.iter().any(|start| line.starts_with(start));
    let mut lines: Vec<_> = log
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !is_work(line))
        .collect();
    lines.drain(..lines.len().saturating_sub(MAX_LINES));
    lines.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_logs_all_lines_of_the_verifier() {
        for (lines, debug, omitted) in [
            (0, false, 0),
            (20, false, 0),
            (21, false, 1),
            (100_000, false, 99_980),
            (100_000, true, 0),
        ] {
            let case = format!("{lines} {debug}");
            assert_eq!(omitted_lines(lines, log_lines(debug)), omitted, "{case}");
        }
    }

    #[test]
    fn tail_calls_beside_functions_have_a_remedy() {
        for (log, has_remedy) in [
            (
                "tail_calls are not allowed in non-JITed programs with bpf-to-bpf calls\nprocessed 42 insns",
                true,
            ),
            (
                "tail_calls are not allowed in programs with bpf-to-bpf calls\n",
                true,
            ),
            ("0: (b7) r1 = 0\nR1 invalid mem access 'scalar'\n", false),
        ] {
            assert_eq!(hint(log).contains("the last stage"), has_remedy, "{log}");
        }
    }

    #[test]
    fn last_lines_are_about_the_program() {
        let log = "0: (b7) r1 = 0\n1: (71) r0 = *(u8 *)(r1 +0)\nR1 invalid mem access 'scalar'\nverification time 40 usec\nstack depth 0\nprocessed 2 insns (limit 1000000)\n";
        assert_eq!(
            last_lines(log),
            "0: (b7) r1 = 0 | 1: (71) r0 = *(u8 *)(r1 +0) | R1 invalid mem access 'scalar'"
        );
        assert_eq!(last_lines(""), "");
        let log = "53: (b7) r3 = 0\n54: (85) call bpf_tail_call#12\nlast_idx 54 first_idx 49\nregs=8 stack=0 before 53: (b7) r3 = 0\nparent already had regs=40 stack=0 marks\nmark_precise: frame0: regs=r3 stack= before 53: (b7) r3 = 0\ntail_calls are not allowed\n";
        assert_eq!(
            last_lines(log),
            "53: (b7) r3 = 0 | 54: (85) call bpf_tail_call#12 | tail_calls are not allowed"
        );
    }
}
