//! An empty crate: its build script provides `libelf.a` and `libz.a`.
//!
//! The object loader of libbpf needs libelf and zlib. corexdp parses objects itself and never calls that loader.
#![no_std]
#![forbid(unsafe_code)]
