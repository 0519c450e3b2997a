//! Objects: any bytes are rejected, or linked into an object that redbpf reads with the same instructions.

use corexdp::object::frame::{Place, TOTALS};
use corexdp::object::{Btf, Insn, LinkedObject, link};
use redbpf::{ModuleBuilder, XDP};

use super::{btf, elf, memory, message};

/// Bytes of memory per byte of input: the tables of functions, relocations and types, each of which may have a
/// capacity of twice its size.
const MEMORY_FACTOR: usize = 24;
/// Maximum bytes of zeroed data sections.
const MOST_ZEROS: usize = 4 << 20;
/// The descriptor of the first map.
const FIRST: i32 = 100;

/// Panics unless the object `input` is rejected, or gives a program that redbpf can parse.
pub fn run(input: &[u8]) {
    let most =
        MEMORY_FACTOR * input.len() + elf::bytes_of_zeros(input).min(MOST_ZEROS) + (16 << 10);
    match memory::within(most, || link(input, "xdp_prog")) {
        Ok(object) => {
            check(&object);
            frame_counts(&object);
        }
        Err(error) => message::is_one_line(&error.to_string()),
    }
}

fn check(object: &LinkedObject) {
    assert!(object.section.starts_with("xdp"));
    let fds: Vec<i32> = (FIRST..).take(object.maps.len()).collect();
    let instructions = object
        .instructions(&fds)
        .expect("a descriptor for each map");
    only_maps_are_filled_in(object, &instructions, &fds);
    let canonical = object.canonical(&fds).expect("a descriptor for each map");
    redbpf_reads(object, &canonical);
    let sections = elf::sections(&canonical);
    let program = sections
        .iter()
        .find(|section| section.name == b"xdp/xdp_prog")
        .expect("a section of the program");
    assert_eq!(program.offset % Insn::SIZE, 0);
    assert!(canonical[program.offset..][..program.size] == instructions[..]);
    for map in &object.maps {
        let name = map.kernel_name();
        assert!(name.len() < 16 && name.is_ascii());
        let initial = map.initial.as_ref().map_or(0, Vec::len);
        assert!(initial <= map.value_size as usize);
        assert!(
            map.slots
                .iter()
                .all(|&(_, inner)| inner < object.maps.len())
        );
    }
    if let Some(types) = object.btf() {
        btf::read_all(types);
        types_stay_the_same(object, types);
        // Any types may be those of a kernel, the object's own too.
        if let Err(error) = object.clone().resolve(types) {
            message::is_one_line(&error.to_string());
        }
    }
}

/// The frame adds a fixed number of instructions and one map, and comes off without a trace.
fn frame_counts(object: &LinkedObject) {
    let mut framed = object.clone();
    if let Err(obstacle) = framed.add_frame(Place::Alone) {
        message::is_one_line(&obstacle.to_string());
        assert!(framed.maps == object.maps && framed.without_frame().is_none());
        return;
    }
    let fds: Vec<i32> = (FIRST..).take(framed.maps.len()).collect();
    let (given, own) = fds.split_at(object.maps.len());
    let own = own.first().expect("a map of the frame");
    let instructions = framed
        .instructions(&fds)
        .expect("a descriptor for each map");
    let (slots, rest) = instructions.as_chunks();
    assert!(rest.is_empty() && slots.len() == object.insns.len() + framed.frame_slots());
    let slots = slots.iter().copied().map(Insn::from_bytes);
    let mut loads = slots.filter(|insn| insn.is_wide() && insn.imm() == *own);
    assert!(loads.next().is_some());
    let totals = framed.maps.get(object.maps.len());
    assert!(totals.is_some_and(|map| map.name == TOTALS));
    assert!(
        framed
            .simpler()
            .is_some_and(|simpler| simpler.simpler().is_some())
    );
    let bare = framed.without_frame().expect("a frame");
    assert!(bare.maps == object.maps);
    assert_eq!(
        bare.instructions(given).ok(),
        object.instructions(given).ok()
    );
}

/// Only map loads of the instructions may differ from the linked ones.
fn only_maps_are_filled_in(object: &LinkedObject, instructions: &[u8], fds: &[i32]) {
    let (slots, rest) = instructions.as_chunks();
    assert!(rest.is_empty() && slots.len() == object.insns.len() && !slots.is_empty());
    for (slot, (&bytes, linked)) in slots.iter().zip(&object.insns).enumerate() {
        let filled = Insn::from_bytes(bytes);
        let same = filled == *linked;
        let map = linked.is_wide() && linked.imm() == 0 && fds.contains(&filled.imm());
        assert!(same || map, "slot {slot}: {linked:?} became {filled:?}");
    }
}

fn redbpf_reads(object: &LinkedObject, canonical: &[u8]) {
    let module = ModuleBuilder::parse(canonical).and_then(ModuleBuilder::to_module);
    let module = module.unwrap_or_else(|error| panic!("redbpf: {error:?}"));
    let names: Vec<_> = module.xdps().map(XDP::name).collect();
    assert_eq!(
        (names.as_slice(), module.maps.len()),
        (&["xdp_prog".to_owned()][..], 0)
    );
    assert_eq!(
        (module.programs.len(), &module.license),
        (1, &object.license)
    );
}

/// The types generated for the kernel parse, and have the sizes of the map's types.
fn types_stay_the_same(object: &LinkedObject, types: &Btf) {
    let Some(made) = object.kernel_btf() else {
        return;
    };
    let kernel = Btf::parse(&made.blob).expect("generated types parse");
    btf::read_all(&kernel);
    for map in &object.maps {
        let new = made.types_of(&map.name);
        let (Some(new), Some((old_key, old_value))) = (new, map.btf_types) else {
            continue;
        };
        for (new, old) in [(new.key, old_key), (new.value, old_value)] {
            assert_eq!(
                kernel.size_of(new).ok(),
                types.size_of(old).ok(),
                "of {}",
                map.name
            );
        }
    }
}
