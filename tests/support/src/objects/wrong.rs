//! Objects that cannot be used, and the error message of each.

use std::path::{Path, PathBuf};

use super::compile::{compile, compile_text, compile_with};
use super::image::Image;
use super::{damage_to_code, damage_to_file};

/// Creates the objects in `dir`. Returns each path with a part of its error message.
pub fn wrong_objects(dir: &Path) -> Vec<(PathBuf, &'static str)> {
    let mut all = foreign(dir);
    all.extend(COMPILED.iter().map(|&(name, message)| {
        let options: &[&str] = if name == "common" { &["-fcommon"] } else { &[] };
        (
            compile_with(&format!("wrong/{name}"), dir, options),
            message,
        )
    }));
    for &(base, cases) in damage_to_file::CASES.iter().chain(damage_to_code::CASES) {
        let good = Image::read(&compile(base, dir));
        all.extend(cases.iter().map(|(name, damage, message)| {
            let mut image = good.clone();
            damage(&mut image);
            let path = dir.join(format!("{base}-{name}.o"));
            std::fs::write(&path, image.0).expect("a damaged object can be written");
            (path, *message)
        }));
    }
    all
}

/// Files that are not BPF objects of this byte order.
fn foreign(dir: &Path) -> Vec<(PathBuf, &'static str)> {
    const C: &str = "int xdp_prog(void) { return 2; }\n";
    let text = dir.join("text.o");
    std::fs::create_dir_all(dir).expect("the folder for objects can be made");
    std::fs::write(&text, "SEC(\"xdp\") int xdp_prog(void) { return 2; }\n")
        .expect("a file can be written");
    vec![
        (
            text,
            "this is not an ELF file, so not a BPF object; compile it with `clang -O2 -g -target bpf -c`",
        ),
        (
            compile_text(C, "x86", dir, &["-target", "x86_64-linux-gnu"]),
            "this is an ELF object for x86-64, not a BPF object; compile it with `clang -O2 -g -target bpf -c`",
        ),
        (
            compile_text(C, "arm", dir, &["-target", "aarch64-linux-gnu"]),
            "this is an ELF object for AArch64, not a BPF object",
        ),
        (
            compile_with("basic", &dir.join("bpfeb"), &["-target", "bpfeb"]),
            "this is a big-endian ELF file; compile it with `clang -O2 -g -target bpfel -c`",
        ),
    ]
}

/// Sources in `wrong/` that compile and cannot be linked.
const COMPILED: &[(&str, &str)] = &[
    (
        "tc",
        "entry function `xdp_prog`: is in section `tc`; an XDP program is in a section whose name starts with `xdp`",
    ),
    (
        "other_name",
        "entry function `xdp_prog`: is missing; the object has `first` in section `xdp`, `second` in section `xdp.frags`",
    ),
    (
        "data_only",
        "entry function `xdp_prog`: is missing; the object has no functions",
    ),
    (
        "kconfig",
        "refers to `CONFIG_HZ`, a setting of the kernel's configuration",
    ),
    (
        "kfunc",
        "refers to `bpf_kernel_function`, which is inside the kernel (kfunc or __ksym); only helpers can be called",
    ),
    (
        "ksym",
        "refers to `bpf_prog_active`, which is inside the kernel",
    ),
    (
        "undefined",
        "refers to symbol `nowhere`, which the object does not define; link the object that does with `bpftool gen object`",
    ),
    (
        "undefined_variable",
        "refers to symbol `nowhere`, which the object does not define",
    ),
    (
        "common",
        "refers to `undecided`, a common symbol without storage; initialise the variable, as in `int x = 0;`",
    ),
    (
        "callback",
        "takes the address of function `add`, for the kernel to call it back (bpf_loop and the like), which is not possible here; write the loop out",
    ),
    (
        "recursion",
        "function `odd` in section `.text`: calls `even` and, through it, itself; the kernel allows no recursion",
    ),
    (
        "tail_calls",
        "map `tails`: has static initialisers: tail call programs are not supported",
    ),
    (
        "addresses",
        "section `.data`: contains the address of `.data` at offset 0, but a map cannot contain addresses",
    ),
    (
        "strange_section",
        "refers to `number` in section `somewhere`, which contains neither code, maps nor data",
    ),
    (
        "sizes",
        "map `xdp_map`: `key` has 4 bytes, but another member says 8",
    ),
    (
        "typeless",
        "map `xdp_map`: has no type; set one, for example `__uint(type, BPF_MAP_TYPE_HASH)`",
    ),
    (
        "unknown_member",
        "map `xdp_map`: has a member `colour`, which corexdp does not know",
    ),
    ("incomplete_value", "map `xdp_map`: `value` has no size"),
    (
        "not_a_map",
        "map `xdp_map`: is not a struct; a map in `.maps` is a struct of __uint and __type members",
    ),
    (
        "inner_missing",
        "map `xdp_map`: array_of_maps does not define its inner maps; add `__array(values, struct { … })`",
    ),
    (
        "trie_flags",
        "map `xdp_map`: lpm_trie needs `__uint(map_flags, BPF_F_NO_PREALLOC)`",
    ),
    (
        "old_extra",
        "map `xdp_map`: sets fields after the five of `struct bpf_map_def`",
    ),
];

/// A name, a function that damages a valid object, and a part of the error message.
pub type Case = (&'static str, fn(&mut Image), &'static str);

/// The source of a valid object, and the ways to damage it.
pub type Cases = (&'static str, &'static [Case]);
