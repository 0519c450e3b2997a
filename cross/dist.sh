#!/bin/sh
# Builds corexdp for one musl target, statically linked, and puts it with the example programs into dist/TARGET/.
# The same source gives the same bytes, in whatever folder it lies. `make dist` calls this for both targets.
#
# Usage: cross/dist.sh x86_64-unknown-linux-musl|aarch64-unknown-linux-musl
set -eu
cd "$(dirname "$0")/.."
root=$(pwd -P)
target=${1-}

case $target in
x86_64-unknown-linux-musl | aarch64-unknown-linux-musl) cpu=${target%%-*} ;;
*)
    echo 'usage: cross/dist.sh x86_64-unknown-linux-musl|aarch64-unknown-linux-musl' >&2
    exit 64
    ;;
esac

# Host build scripts and both targets share this folder; `make build` keeps its own.
export CARGO_TARGET_DIR="$root/target/dist"
headers=$CARGO_TARGET_DIR/include
cargo=${CARGO:-cargo}
cargo_home=${CARGO_HOME:-$HOME/.cargo}
upper=$(echo "$target" | tr 'a-z-' 'A-Z_')
lower=$(echo "$target" | tr - _)

# The std that the toolchain has for the target, or one built now from Debian's source, with Debian's compiler: a std
# and its compiler must be of one version. Built from source it leaves out what symbolizes backtraces, and needs no
# unwinder.
use_std() {
    if [ -d "$(${RUSTC:-rustc} --print target-libdir --target "$target")" ]; then
        std=
        UNWIND=-lunwind
    else
        export RUSTC=/usr/bin/rustc
        # Building std is not stable yet; this lets a stable compiler do it.
        export RUSTC_BOOTSTRAP=1
        std='-Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size'
        UNWIND=$root/cross/unwind.c
    fi
}

# libbpf includes libelf's and zlib's headers, and nothing else of this machine fits the target: these four alone.
collect_headers() {
    rm -rf "$headers"
    mkdir -p "$headers"
    for name in libelf.h gelf.h zlib.h zconf.h; do
        path=$(echo "#include <$name>" | "${HOST_CC:-cc}" -M -x c - | tr ' ' '\n' | grep "/$name\$")
        cp "$path" "$headers/"
    done
}

# What bpf-sys' make, the cc crate, bindgen and rustc look for.
use_zig() {
    zig=$("$root/target/venv/bin/python" -c 'import ziglang; print(*ziglang.__path__)')
    ZIG=$zig/zig
    ZIG_TARGET=$cpu-linux-musl
    export ZIG ZIG_TARGET UNWIND
    export ZIG_GLOBAL_CACHE_DIR="$CARGO_TARGET_DIR/zig" ZIG_LOCAL_CACHE_DIR="$CARGO_TARGET_DIR/zig"
    export CC="$root/cross/zig-cc" AR=llvm-ar CPATH="$headers" NO_PKG_CONFIG=1
    export "CC_$lower=$CC" "AR_$lower=$AR" "CARGO_TARGET_${upper}_LINKER=$CC"
    unset CFLAGS CPPFLAGS LDFLAGS "CFLAGS_$lower"

    bindgen="--target=$ZIG_TARGET"
    for folder in "$cpu-linux-musl" generic-musl "${cpu%_64}-linux-any" any-linux-any; do
        bindgen="$bindgen '-isystem$zig/lib/libc/include/$folder'"
    done
    export "BINDGEN_EXTRA_CLANG_ARGS_$lower=$bindgen"
}

# One flag a line, as cargo wants them apart by 0x1f, so that paths may hold spaces.
rust_flags() {
    # Zig brings the C library and its start files, for every version of std alike.
    echo '-Clink-self-contained=no'
    # At fixed addresses, which saves some 48 KB of relocations and code that a small flash is short of, and without
    # tables for an unwinder: a panic aborts.
    echo '-Crelocation-model=static'
    echo '-Cforce-unwind-tables=no'
    echo '-Clink-arg=-Wl,--no-eh-frame-hdr'
    echo "--remap-path-prefix=$root=."
    for folder in "$cargo_home"/registry/src/*; do
        echo "--remap-path-prefix=$folder=crates"
    done
    for folder in /usr/lib/rustlib/src/rust/library /usr/src/rustc-*/library; do
        [ ! -d "$folder" ] || echo "--remap-path-prefix=$folder=std"
    done
}

build() {
    "$cargo" fetch --locked --target "$target"
    CARGO_ENCODED_RUSTFLAGS=$(rust_flags | tr '\n' '\037' | sed 's/.$//')
    export CARGO_ENCODED_RUSTFLAGS
    # Where all is linked, small functions are inlined, which opt-level z alone leaves alone: that costs 8,000 bytes of
    # 719,000, and a check of a hundred thousand lines takes 0.022 s of processor time instead of 0.028.
    # shellcheck disable=SC2086 # none, or two options
    "$cargo" rustc --release --locked $std --target "$target" --bin corexdp -- \
        -Copt-level=z -Cllvm-args=--inline-threshold=30
}

deliver() {
    rm -rf "dist/$target"
    mkdir -p "dist/$target"
    install -m 755 "$CARGO_TARGET_DIR/$target/release/corexdp" "dist/$target/"
    install -m 644 target/bpf/*.o target/bpf/*.Corefile "dist/$target/"
}

use_std
collect_headers
use_zig
build
deliver
