//! Exit codes, those of `sysexits.h`.

use crate::base::diagnostic::Blame;

/// Done.
pub const DONE: u8 = 0;
/// The command line makes no sense.
pub const USAGE: u8 = 64;
/// The object file is no usable XDP object.
pub const DATA: u8 = 65;
/// A file is missing or unreadable.
pub const NO_INPUT: u8 = 66;
/// The interface is missing or held; or there is no daemon to ask.
pub const UNAVAILABLE: u8 = 69;
/// The operating system refused.
pub const SYSTEM: u8 = 71;
/// Not permitted.
pub const NO_PERMISSION: u8 = 77;
/// The Corefile is wrong.
pub const CONFIG: u8 = 78;

/// The code for whose fault it was.
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
