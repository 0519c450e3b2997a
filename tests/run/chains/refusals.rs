//! Blocks that cannot be the stages of a chain, with the message for each.

use super::{corefile, object, site};
use support::objects::compile::compile_with;

#[test]
fn impossible_chains_are_refused() {
    let site = site(&["a", "b"]);
    object(&site, "frags", &["-DSECTION=\"xdp.frags\""]);
    let path = compile_with("verdicts", site.folder.path(), &["-DTAIL_CALL"]);
    std::fs::rename(path, site.folder.file("calling.o")).unwrap();
    let calling = "ebpf {\nif edge0\nelf calling.o\n}\n";
    let after = |text: &str| corefile(&[("a", 1)], "").replace("  ebpf", &format!("{text}  ebpf"));
    let nine = [("a", 1); 9];
    for (text, code, parts) in [
        (
            corefile(&[("a", 1), ("frags", 2)], ""),
            65,
            &[
                "Corefile:12: elf: ",
                "frags.o: cannot be a stage of edge0: all stages or none must support packets of several buffers (section xdp.frags)",
            ][..],
        ),
        (
            after(calling),
            65,
            &[
                "Corefile:5: elf: ",
                "calling.o: cannot be a stage of edge0: it calls other programs (bpf_tail_call), so it can only be the last stage",
            ][..],
        ),
        (
            corefile(&nine, ""),
            78,
            &[
                "Corefile:60: if: more than 8 `ebpf` blocks for interface edge0; build with a larger COREXDP_MAX_STAGES",
            ],
        ),
        (
            corefile(&[("a", 1), ("b", 2)], "exit hold").replace("    \n", "    exit detach\n"),
            78,
            &["Corefile:15: exit: given twice for interface edge0; keep one for all its blocks"],
        ),
        (
            corefile(&[("a", 1), ("b", 2)], "mode native").replace("    \n", "    mode native\n"),
            78,
            &["Corefile:15: mode: given twice for interface edge0; keep one for all its blocks"],
        ),
        (
            corefile(&[("a", 1), ("b", 2)], "wait 1s").replace("    \n", "    wait 2s\n"),
            78,
            &["Corefile:15: wait: given twice for interface edge0; keep one for all its blocks"],
        ),
    ] {
        site.refused(&text).refuses(code, parts);
        assert_eq!(site.attached(), None, "{parts:?}");
    }
}

/// A network card runs one program.
#[test]
fn chain_cannot_be_offloaded() {
    let site = site(&["a", "b"]);
    let outcome = site.refused(&corefile(&[("a", 1), ("b", 2)], "mode offload"));
    assert_eq!(outcome.code, Some(65), "{outcome:?}");
    for (line, object) in ["Corefile:5: elf: ", "Corefile:12: elf: "]
        .iter()
        .zip(["a.o", "b.o"])
    {
        let why = format!(
            "{object}: cannot be a stage of edge0: a network card runs one program; `mode offload` needs one block"
        );
        let told = |error: &&str| error.starts_with(line) && error.contains(&why);
        assert!(
            outcome.stderr.lines().any(|error| told(&error)),
            "{outcome:?}"
        );
    }
}

/// The last stage may call other programs: no stage follows.
#[test]
fn program_with_tail_calls_can_be_the_last_stage() {
    let site = site(&["a"]);
    let path = compile_with("verdicts", site.folder.path(), &["-DTAIL_CALL"]);
    std::fs::rename(path, site.folder.file("calling.o")).unwrap();
    let text = corefile(&[("a", 1)], "");
    let text = text.strip_suffix("}\n").unwrap();
    let calling = format!("{text}ebpf {{\nif edge0\nelf calling.o\n}}\n}}\n");
    site.run(&calling).attached(1).stop();
}
