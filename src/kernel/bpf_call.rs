//! Named calls into the kernel, into which a test can inject faults.
//!
//! With the feature `faults`, the variable `COREXDP_FAULT=call:errno[:nth]` makes the `nth` such call (default: every
//! call) fail with the named `errno`, before it reaches the kernel. A binary without the feature ignores the variable.

#[rustfmt::skip]
pub use bpf_sys::{
    bpf_cmd_BPF_BTF_LOAD as BPF_BTF_LOAD,
    bpf_cmd_BPF_LINK_CREATE as BPF_LINK_CREATE,
    bpf_cmd_BPF_LINK_DETACH as BPF_LINK_DETACH,
    bpf_cmd_BPF_LINK_UPDATE as BPF_LINK_UPDATE,
    bpf_cmd_BPF_MAP_CREATE as BPF_MAP_CREATE,
    bpf_cmd_BPF_MAP_DELETE_ELEM as BPF_MAP_DELETE_ELEM,
    bpf_cmd_BPF_MAP_FREEZE as BPF_MAP_FREEZE,
    bpf_cmd_BPF_MAP_GET_NEXT_KEY as BPF_MAP_GET_NEXT_KEY,
    bpf_cmd_BPF_MAP_LOOKUP_BATCH as BPF_MAP_LOOKUP_BATCH,
    bpf_cmd_BPF_MAP_LOOKUP_ELEM as BPF_MAP_LOOKUP_ELEM,
    bpf_cmd_BPF_MAP_UPDATE_BATCH as BPF_MAP_UPDATE_BATCH,
    bpf_cmd_BPF_MAP_UPDATE_ELEM as BPF_MAP_UPDATE_ELEM,
    bpf_cmd_BPF_OBJ_GET as BPF_OBJ_GET,
    bpf_cmd_BPF_OBJ_GET_INFO_BY_FD as BPF_OBJ_GET_INFO_BY_FD,
    bpf_cmd_BPF_OBJ_PIN as BPF_OBJ_PIN,
    bpf_cmd_BPF_PROG_GET_FD_BY_ID as BPF_PROG_GET_FD_BY_ID,
    bpf_cmd_BPF_PROG_LOAD as BPF_PROG_LOAD,
};
use nix::errno::Errno;

/// A call into the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `BPF_BTF_LOAD` (4.18).
    BtfLoad,
    /// `BPF_BTF_GET_FD_BY_ID` (4.18).
    BtfById,
    /// `BPF_MAP_CREATE` (3.18).
    MapCreate,
    /// `BPF_MAP_UPDATE_ELEM` (3.18).
    MapUpdate,
    /// `BPF_MAP_UPDATE_BATCH` (5.6).
    MapUpdateBatch,
    /// `BPF_MAP_DELETE_ELEM` (3.18).
    MapDelete,
    /// `BPF_MAP_LOOKUP_ELEM` (3.18).
    MapLookup,
    /// `BPF_MAP_LOOKUP_BATCH` (5.6).
    MapLookupBatch,
    /// `BPF_MAP_GET_NEXT_KEY` (3.18).
    MapNextKey,
    /// `BPF_MAP_FREEZE` (5.2).
    MapFreeze,
    /// `BPF_PROG_LOAD` (XDP since 4.8).
    ProgLoad,
    /// `BPF_LINK_CREATE` (XDP since 5.9).
    LinkCreate,
    /// `BPF_LINK_UPDATE` (XDP since 5.9).
    LinkUpdate,
    /// `BPF_LINK_DETACH` (5.9).
    LinkDetach,
    /// `BPF_OBJ_PIN` (4.4).
    Pin,
    /// `BPF_OBJ_GET` (4.4).
    PinGet,
    /// `BPF_PROG_GET_FD_BY_ID` (4.13).
    ProgById,
    /// `BPF_OBJ_GET_INFO_BY_FD` (4.13).
    ObjectInfo,
    /// `BPF_ENABLE_STATS` (5.8).
    EnableStats,
    /// A netlink request about an interface.
    Netlink,
    /// `setrlimit` of `RLIMIT_MEMLOCK`.
    MemlockLimit,
}

impl Call {
    /// The name in messages and in `COREXDP_FAULT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BtfLoad => "btf_load",
            Self::BtfById => "btf_by_id",
            Self::MapCreate => "map_create",
            Self::MapUpdate => "map_update",
            Self::MapUpdateBatch => "map_update_batch",
            Self::MapDelete => "map_delete",
            Self::MapLookup => "map_lookup",
            Self::MapLookupBatch => "map_lookup_batch",
            Self::MapNextKey => "map_next_key",
            Self::MapFreeze => "map_freeze",
            Self::ProgLoad => "prog_load",
            Self::LinkCreate => "link_create",
            Self::LinkUpdate => "link_update",
            Self::LinkDetach => "link_detach",
            Self::Pin => "pin",
            Self::PinGet => "pin_get",
            Self::ProgById => "prog_by_id",
            Self::ObjectInfo => "object_info",
            Self::EnableStats => "enable_stats",
            Self::Netlink => "netlink",
            Self::MemlockLimit => "memlock_limit",
        }
    }
}

/// Makes `call` by running `act`. A negative result of `act` means an error in `errno`.
///
/// # Errors
/// The kernel's errno, or the errno that a test injects.
pub fn call(call: Call, act: impl FnOnce() -> i32) -> Result<i32, Errno> {
    injected_fault(call)?;
    let result = act();
    if result < 0 {
        Err(Errno::last())
    } else {
        Ok(result)
    }
}

/// Fails if a test injects a fault into `call`. [`call`] includes this check; other calls make it themselves.
///
/// # Errors
/// The errno that a test injects.
#[cfg(not(feature = "faults"))]
#[expect(
    clippy::missing_const_for_fn,
    reason = "the version with the feature `faults` cannot be const"
)]
pub fn injected_fault(_call: Call) -> Result<(), Errno> {
    Ok(())
}

#[cfg(feature = "faults")]
pub use faults::injected_fault;

#[cfg(feature = "faults")]
mod faults {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use nix::errno::Errno;

    use super::Call;

    struct Fault {
        call: String,
        errno: Errno,
        nth: Option<u32>,
        seen: AtomicU32,
    }

    /// Fails if `COREXDP_FAULT` names `call`.
    ///
    /// # Errors
    /// The errno in `COREXDP_FAULT`.
    pub fn injected_fault(call: Call) -> Result<(), Errno> {
        static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
        let Some(fault) = FAULT.get_or_init(from_environment) else {
            return Ok(());
        };
        if fault.call != call.name() {
            return Ok(());
        }
        let count = fault.seen.fetch_add(1, Ordering::Relaxed) + 1;
        if fault.nth.is_none_or(|nth| nth == count) {
            Err(fault.errno)
        } else {
            Ok(())
        }
    }

    fn from_environment() -> Option<Fault> {
        let text = std::env::var("COREXDP_FAULT").ok()?;
        let mut parts = text.split(':');
        let call = parts.next()?.to_owned();
        let name = parts.next()?;
        // Errno has no lookup by name, but its Debug form is the name.
        #[allow(clippy::use_debug, reason = "only in binaries for tests")]
        let errno = (1..200)
            .map(Errno::from_raw)
            .find(|errno| format!("{errno:?}") == name)?;
        let nth = parts.next().and_then(|nth| nth.parse().ok());
        Some(Fault {
            call,
            errno,
            nth,
            seen: AtomicU32::new(0),
        })
    }
}
