//! The system calls of a running daemon.

use nix::libc;

use crate::kernel::calls::{Rule, any, bits, is, only};

/// What every run takes.
pub const ALWAYS: &[Rule] = &[];

/// What only some runs take, and when.
pub const SELDOM: &[Rule] = &[];
