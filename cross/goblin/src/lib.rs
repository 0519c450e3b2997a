//! The part of goblin 0.4 that redbpf 2.3.0 calls, for objects with nothing but programs and a license.
//!
//! corexdp gives redbpf only objects that `src/object/canonical.rs` writes: ELF64, little-endian, without maps, relocations
//! and BTF. goblin reads every ELF file, and redbpf all that such a file may have. Both took 41,000 bytes of the static
//! binary. Here the lists of symbols and relocations are empty, so the compiler omits the code of redbpf that reads them.
#![forbid(unsafe_code)]

pub mod elf;

pub mod error {
    /// Reason why a file was not read.
    #[derive(Debug)]
    pub struct Error(pub &'static str);

    pub type Result<T> = std::result::Result<T, Error>;
}
