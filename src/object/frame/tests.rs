use super::super::insn::Insn;
use super::super::link::MapReference;
use super::super::{LinkedObject, MapDef};
use super::*;

/// A program whose entry function is the first `entry_slots` of `code`. Instructions at `slots` refer to the map `first`.
fn program(code: &[[u8; 8]], entry_slots: usize, slots: &[usize]) -> LinkedObject {
    let reference = |&slot| MapReference { slot, map: 0 };
    LinkedObject {
        entry: "xdp_prog".into(),
        section: "xdp".into(),
        frags: false,
        license: String::new(),
        insns: code.iter().copied().map(Insn::from_bytes).collect(),
        maps: vec![MapDef::new("first")],
        map_references: slots.iter().map(reference).collect(),
        entry_slots,
        frame: None,
        co_re: Vec::new(),
        btf: None,
    }
}

/// The instructions of the program in the frame of a program alone.
fn framed(object: LinkedObject) -> Vec<Insn> {
    framed_at(Place::Alone, object)
}

/// The instructions of the framed program. The descriptor of the map `first` is 7, those of the frame's maps are 8 and 9.
fn framed_at(place: Place, mut object: LinkedObject) -> Vec<Insn> {
    assert_eq!(object.add_frame(place), Ok(()));
    let fds: Vec<_> = (7..).take(object.maps.len()).collect();
    let bytes = object.instructions(&fds).unwrap_or_default();
    let (slots, []) = bytes.as_chunks() else {
        panic!("{} bytes", bytes.len());
    };
    slots.iter().copied().map(Insn::from_bytes).collect()
}

/// Slots after the entry function of a program alone.
const ALONE: usize = COUNT + sampler::SLOTS + LEAVE;

const PASS: [u8; 8] = [0xb7, 0, 0, 0, 2, 0, 0, 0];
const RETURN: [u8; 8] = [0x95, 0, 0, 0, 0, 0, 0, 0];
/// `if r1 == 0 goto +2`.
const BRANCH: [u8; 8] = [0x15, 1, 2, 0, 0, 0, 0, 0];
/// `r1 = map ll`; [`HALF`] is its second half.
const LOAD: [u8; 8] = [0x18, 0x11, 0, 0, 0, 0, 0, 0];
const HALF: [u8; 8] = [0; 8];
/// `call +DISTANCE`: a call of a function of the same program.
const fn call(distance: u8) -> [u8; 8] {
    [0x85, 0x10, 0, 0, distance, 0, 0, 0]
}

/// Target slot of the jump or call at `slot`.
fn target(insns: &[Insn], slot: usize) -> isize {
    let insn = insns[slot];
    let distance = match insn.opcode() {
        CALL => insn.imm() as isize,
        _ => isize::from(insn.off()),
    };
    slot.cast_signed() + 1 + distance
}

#[test]
fn exits_of_entry_function_jump_to_epilogue() {
    let code = [BRANCH, PASS, RETURN, PASS, RETURN];
    let insns = framed(program(&code, 5, &[]));
    let epilogue = (PROLOGUE + code.len()).cast_signed();
    for slot in [PROLOGUE + 2, PROLOGUE + 4] {
        assert_eq!(target(&insns, slot), epilogue);
    }
    assert_eq!(insns[PROLOGUE], Insn::from_bytes(BRANCH));
    let exits = insns.iter().filter(|insn| insn.opcode() == EXIT).count();
    assert_eq!((exits, insns.len()), (1, PROLOGUE + code.len() + ALONE));
}

#[test]
fn calls_and_map_references_skip_frame() {
    // The entry function and the second function load the map. Each of them calls the next function.
    let second = [LOAD, HALF, call(1), RETURN];
    let code = [&[LOAD, HALF, call(1), RETURN], &second[..], &[PASS, RETURN]].concat();
    let insns = framed(program(&code, 4, &[0, 4]));
    let moved = PROLOGUE + 4 + ALONE;
    assert_eq!(target(&insns, PROLOGUE + 2), moved.cast_signed());
    assert_eq!(target(&insns, moved + 2), (moved + 4).cast_signed());
    assert_eq!(insns[moved + 3], Insn::from_bytes(RETURN));
    for slot in [PROLOGUE, moved] {
        assert_eq!((insns[slot].is_wide(), insns[slot].imm()), (true, 7));
    }
    let own = insns[PROLOGUE + 4 + TOTALS_LOAD];
    assert_eq!((own.is_wide(), own.imm()), (true, 8));
}

#[test]
fn chained_frame_runs_next_program_after_counting() {
    let code = [PASS, RETURN, PASS, RETURN];
    let mut object = program(&code, 2, &[]);
    let insns = framed_at(Place::Chained, object.clone());
    let (count, pass_on) = (PROLOGUE + 2, PROLOGUE + 2 + COUNT);
    let sample = pass_on + PASS_ON;
    let exit = sample + sampler::SLOTS;
    // `if r6 != 2 goto sample`
    let check = insns[pass_on];
    assert_eq!((check.opcode(), check.dst(), check.imm()), (0x55, 6, 2));
    assert_eq!(target(&insns, pass_on), sample.cast_signed());
    // The check of the lookup in the counters.
    assert_eq!(target(&insns, count + 8), exit.cast_signed());
    let next = insns[pass_on + NEXT_LOAD];
    assert_eq!((next.is_wide(), next.dst(), next.imm()), (true, 2, 9));
    assert!(insns[sample - 1].calls(&[12]), "bpf_tail_call");
    assert_eq!(insns[exit + 1], Insn::from_bytes(RETURN));
    assert_eq!(object.add_frame(Place::Chained), Ok(()));
    let names: Vec<_> = object.maps.iter().map(|map| map.name.as_str()).collect();
    assert_eq!(names, ["first", TOTALS, NEXT, RINGS, SETTINGS]);
    assert_eq!(object.insns.len() + object.frame_slots(), insns.len());
    let bare = object.without_frame().map(|bare| bare.maps.len());
    assert_eq!(bare, Some(1));
}

#[test]
fn second_half_of_load_is_no_exit() {
    let code = [LOAD, RETURN, PASS, RETURN];
    let insns = framed(program(&code, 4, &[0]));
    assert_eq!(insns[PROLOGUE + 1], Insn::from_bytes(RETURN));
}

#[test]
fn context_is_saved_below_program_stack() {
    /// `*(u64 *)(r10 - 24) = r1`.
    const SPILL: [u8; 8] = [0x7b, 0x1a, 0xe8, 0xff, 0, 0, 0, 0];
    /// `r2 = r10`, `r2 += -37`.
    const COPY: [u8; 8] = [0xbf, 0xa2, 0, 0, 0, 0, 0, 0];
    const ADD: [u8; 8] = [0x07, 2, 0, 0, 0xdb, 0xff, 0xff, 0xff];
    for (code, saved) in [
        (&[PASS, RETURN][..], -8),
        (&[SPILL, PASS, RETURN], -32),
        (&[COPY, ADD, PASS, RETURN], -48),
        (&[SPILL, COPY, ADD, PASS, RETURN], -48),
        // The addition forms no address without the copy.
        (&[ADD, PASS, RETURN], -8),
    ] {
        let insns = framed(program(code, code.len(), &[]));
        assert_eq!(insns[0].off(), saved, "{code:x?}");
    }
}

#[test]
fn program_without_space_gets_no_frame() {
    /// `*(u8 *)(r10 - 505) = r1`: the next 8 aligned bytes exceed the stack of 512 bytes.
    const DEEP: [u8; 8] = [0x73, 0x1a, 0x07, 0xfe, 0, 0, 0, 0];
    let far = vec![PASS; REACH + 1];
    for (code, obstacle) in [
        (&[DEEP, PASS, RETURN][..], Obstacle::Stack),
        (&far, Obstacle::Distance),
    ] {
        let mut object = program(code, code.len(), &[]);
        assert_eq!(object.add_frame(Place::Alone), Err(obstacle));
        assert_eq!(object.maps.len(), 1);
    }
}

#[test]
fn removing_frame_restores_program() {
    let before = program(&[PASS, RETURN], 2, &[]);
    let mut object = before.clone();
    assert_eq!(object.add_frame(Place::Alone), Ok(()));
    let bare = object.without_frame();
    let instructions = bare.map(|bare| (bare.instructions(&[7]).ok(), bare.maps));
    let expected = (before.instructions(&[7]).ok(), before.maps);
    assert_eq!(instructions, Some(expected));
}

#[test]
fn simpler_frames_lack_samples_then_everything() {
    let code = [PASS, RETURN];
    let mut object = program(&code, 2, &[]);
    assert_eq!(object.add_frame(Place::Chained), Ok(()));
    let slots = |object: &LinkedObject| object.frame_slots();
    let simpler = object.simpler().expect("a frame without samples");
    assert_eq!(slots(&object) - slots(&simpler), sampler::SLOTS);
    let names: Vec<_> = simpler.maps.iter().map(|map| map.name.as_str()).collect();
    assert_eq!(names, ["first", TOTALS, NEXT]);
    let bare = simpler.simpler().expect("no frame");
    assert_eq!((slots(&bare), bare.maps.len()), (0, 1));
    assert!(bare.simpler().is_none());
    for (maps, expected) in [(5, &object), (4, &simpler), (3, &simpler), (1, &bare)] {
        assert_eq!(slots(&object.with_maps(maps)), slots(expected), "{maps}");
    }
    // Each of the frames' map references is a map load.
    for object in [&object, &simpler] {
        let code = object.frame.map(|frame| frame.around(object));
        let code = code.expect("a frame");
        for reference in code.map_references {
            assert!(code.insns[reference.slot].is_wide(), "{reference:?}");
        }
    }
}
