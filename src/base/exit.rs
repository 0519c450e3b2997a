//! Exit codes of `sysexits.h`.

use crate::base::diagnostic::Blame;

/// Success.
pub const DONE: u8 = 0;
/// The command line is wrong (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// The object file is not a usable XDP object (`EX_DATAERR`).
pub const DATA: u8 = 65;
/// A file is missing or unreadable (`EX_NOINPUT`).
pub const NO_INPUT: u8 = 66;
/// The interface is missing or in use, or no daemon answers (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// The operating system refused (`EX_OSERR`).
pub const SYSTEM: u8 = 71;
/// A privilege is missing (`EX_NOPERM`).
pub const NO_PERMISSION: u8 = 77;
/// The Corefile is wrong (`EX_CONFIG`).
pub const CONFIG: u8 = 78;

/// Exit code for the party at fault.
pub const fn code(blame: Blame) -> u8 {
    match blame {
        Blame::Corefile => CONFIG,
        Blame::Input => NO_INPUT,
        Blame::Object => DATA,
        Blame::Interface => UNAVAILABLE,
        Blame::System => SYSTEM,
        Blame::Privilege => NO_PERMISSION,
    }
}
