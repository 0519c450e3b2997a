//! The listings in the comments are the instructions.

use super::super::insn::{self, Insn, class, pseudo};
use super::assembly::TO_EXIT;
use super::sampler::{MAX_GAP, MAX_STEP};
use super::settings::{
    AIM, GAP, LIMIT, ONE_IN, PACKETS, SESSION, STAGE, START, TAKEN, VERDICTS, WAKE, WINDOW,
};
use super::state::{FLAGS, ITS_SESSION, LEFT, LOST, REST, STEP, TIME, WEIGHT};
use super::{listing, sample, sampler};

/// Offset of the saved context in the tests.
const SAVED: i16 = -24;

/// The instructions of a listing: lines `//! NUMBER  TEXT   COMMENT` after the line `//! PART:`, with numbers for names.
fn listed(source: &str, part: &str, names: &[(&str, i64)]) -> Vec<(usize, String)> {
    let lines = source.lines().map(|line| line.trim_start_matches("//!"));
    let after = lines.skip_while(|line| !line.trim_start().starts_with(part));
    let body = after
        .skip(1)
        .take_while(|line| !line.trim().is_empty() && !line.contains("```"));
    body.map(|line| {
        let (number, text) = line
            .trim_start()
            .split_once("  ")
            .expect("a number and a text");
        let (text, _) = text.split_once("   ").unwrap_or((text, ""));
        (number.parse().expect("a number"), with_numbers(text, names))
    })
    .collect()
}

/// The text, with numbers for names.
fn with_numbers(text: &str, names: &[(&str, i64)]) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::new();
    for part in text.split_inclusive(|c| !word(c)) {
        let name = part.trim_end_matches(|c| !word(c));
        match names.iter().find(|(known, _)| *known == name) {
            Some((_, number)) => {
                out += &number.to_string();
                out += &part[name.len()..];
            }
            None => out += part,
        }
    }
    out.trim_end().into()
}

/// The instructions as a listing has them.
fn disassembled(insns: &[Insn]) -> Vec<(usize, String)> {
    let mut after_wide = false;
    let slots = insns.iter().enumerate().filter(|(_, insn)| {
        let is_upper_half = after_wide;
        after_wide = insn.is_wide();
        !is_upper_half
    });
    slots.map(|(slot, insn)| (slot, text(*insn))).collect()
}

fn text(insn: Insn) -> String {
    let (dst, src, off, imm) = (insn.dst(), insn.src(), insn.off(), insn.imm());
    let size = ["u32", "u16", "u8", "u64"][usize::from(insn.opcode() >> 3 & 3)];
    let operand = match insn.opcode() & insn::BPF_X {
        0 => imm.to_string(),
        _ => format!("r{src}"),
    };
    let operation = usize::from(insn.opcode() >> 4);
    let target = match off {
        TO_EXIT => "exit".to_owned(),
        slot => slot.to_string(),
    };
    match (insn.class(), insn.opcode()) {
        (class::LD, _) if src == pseudo::MAP_FD => format!("r{dst} = map ll"),
        (class::LD, _) => format!("r{dst} = value ll"),
        (class::LDX, _) => format!("r{dst} = *({size} *)(r{src} + {off})"),
        (class::ST, _) => format!("*({size} *)(r{dst} + {off}) = {imm}"),
        (class::STX, 0xdb) => format!("lock *(u64 *)(r{dst} + {off}) += r{src}"),
        (class::STX, _) => format!("*({size} *)(r{dst} + {off}) = r{src}"),
        (class::ALU, _) => format!("w{dst} = w{src}"),
        (class::ALU64, _) => {
            let operations = [
                "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=",
            ];
            format!("r{dst} {} {operand}", operations[operation])
        }
        (_, insn::EXIT) => "exit".into(),
        (_, insn::CALL) => format!("call {}", helper(imm)),
        (_, 0x05) => format!("goto {target}"),
        _ => {
            let comparisons = [
                "", "==", ">", ">=", "&", "!=", "s>", "s>=", "", "", "<", "<=", "s<", "s<=",
            ];
            format!(
                "if r{dst} {} {operand} goto {target}",
                comparisons[operation]
            )
        }
    }
}

fn helper(number: i32) -> &'static str {
    match number {
        1 => "bpf_map_lookup_elem",
        5 => "bpf_ktime_get_ns",
        7 => "bpf_get_prandom_u32",
        12 => "bpf_tail_call",
        131 => "bpf_ringbuf_reserve",
        132 => "bpf_ringbuf_submit",
        134 => "bpf_ringbuf_query",
        _ => "?",
    }
}

/// Names of maps and values in both listings.
fn plain(text: &str) -> String {
    text.replace("SETTINGS value ll", "value ll")
        .replace("TOTALS ll", "map ll")
        .replace("NEXT ll", "map ll")
        .replace("RINGS ll", "map ll")
        .replace("goto sample", "goto 6")
}

fn compare(source: &str, part: &str, names: &[(&str, i64)], insns: &[Insn]) {
    assert_eq!(
        listed(&plain(source), part, names),
        disassembled(insns),
        "{part}"
    );
}

#[test]
fn listing_has_every_instruction() {
    let source = include_str!("listing.rs");
    let names = [("SAVED", SAVED.into())];
    compare(source, "count:", &names, &listing::count(SAVED));
    compare(source, "pass_on", &names, &listing::pass_on());
    compare(source, "exit:", &names, &listing::leave());
}

#[test]
fn sampler_listing_has_every_instruction() {
    let insns = sampler::sampler(SAVED);
    assert_eq!(insns.len(), sampler::SLOTS);
    let mut names = NAMES.map(|(name, offset)| (name, offset.into())).to_vec();
    names.extend([
        ("SAVED", SAVED.into()),
        ("SAMPLE_SIZE", sample::SAMPLE_SIZE as i64),
    ]);
    compare(include_str!("sampler.rs"), "```text", &names, &insns);
}

/// The names in the listing.
const NAMES: [(&str, i32); 22] = [
    ("SESSION", SESSION as i32),
    ("VERDICTS", VERDICTS as i32),
    ("STAGE", STAGE as i32),
    ("ONE_IN", ONE_IN as i32),
    ("WINDOW", WINDOW as i32),
    ("LIMIT", LIMIT as i32),
    ("AIM", AIM as i32),
    ("WAKE", WAKE as i32),
    ("START", START as i32),
    ("PACKETS", PACKETS as i32),
    ("TAKEN", TAKEN as i32),
    ("GAP", GAP as i32),
    ("LOST", LOST as i32),
    ("WEIGHT", WEIGHT as i32),
    ("LEFT", LEFT as i32),
    ("STEP", STEP as i32),
    ("REST", REST as i32),
    ("TIME", TIME as i32),
    ("FLAGS", FLAGS as i32),
    ("ITS_SESSION", ITS_SESSION as i32),
    ("MAX_STEP", MAX_STEP),
    ("MAX_GAP", MAX_GAP),
];
