//! Reads and drops the capabilities of this process.

pub use capctl::{Cap, CapSet, capset};
use capctl::{CapState, bounding};
use nix::errno::Errno;

/// The effective capabilities of this process.
///
/// # Errors
/// `EPERM` when a seccomp filter refuses the call.
pub fn effective() -> Result<CapSet, Errno> {
    let state = CapState::get_current().map_err(|error| errno(&error))?;
    Ok(state.effective)
}

/// Drops every capability outside `set` irrevocably, for this process and the programs that it executes. The kernel
/// clears the ambient capabilities together with the inheritable ones.
///
/// # Errors
/// `EPERM` when this process lacks a capability of `set`.
pub fn keep(set: CapSet) -> Result<(), Errno> {
    let state = CapState {
        effective: set,
        permitted: set,
        inheritable: CapSet::empty(),
    };
    state.set_current().map_err(|error| errno(&error))
}

/// Removes every capability outside `set` from the bounding set, if this process has `CAP_SETPCAP`. Without it,
/// `no_new_privs` must prevent the process from gaining the remaining capabilities.
pub fn bound(set: CapSet) {
    // EINVAL: this kernel has no higher capability. EPERM: the kernel refuses all removals.
    let removed = (!set).iter().try_for_each(bounding::drop);
    // Removes capabilities that are newer than the crate.
    let _ = removed.and_then(|()| bounding::clear_unknown());
}

fn errno(error: &capctl::Error) -> Errno {
    Errno::from_raw(error.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_operations_keep_and_remove_capabilities() {
        let set = !CapSet::empty() & capset!(Cap::BPF, Cap::NET_ADMIN);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Cap::NET_ADMIN, Cap::BPF]);
        assert_eq!(CapSet::empty() & capset!(Cap::BPF), CapSet::empty());
        assert!(!set.has(Cap::PERFMON));
    }

    #[test]
    fn names_are_the_names_of_capabilities_7() {
        for (capability, name) in [
            (Cap::SETGID, "CAP_SETGID"),
            (Cap::SETUID, "CAP_SETUID"),
            (Cap::NET_ADMIN, "CAP_NET_ADMIN"),
            (Cap::SYS_ADMIN, "CAP_SYS_ADMIN"),
            (Cap::PERFMON, "CAP_PERFMON"),
            (Cap::BPF, "CAP_BPF"),
        ] {
            assert_eq!(capability.to_string(), name);
        }
    }
}
