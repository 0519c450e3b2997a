//! Capabilities: those that this process has, and giving them up.

pub use capctl::{Cap, CapSet, capset};
use capctl::{CapState, bounding};
use nix::errno::Errno;

/// The capabilities that this process can use now.
///
/// # Errors
/// `EPERM` when a seccomp filter refuses the call.
pub fn effective() -> Result<CapSet, Errno> {
    let state = CapState::get_current().map_err(|error| errno(&error))?;
    Ok(state.effective)
}

/// Gives up every capability outside `set` forever, for this process and for programs that it executes. The kernel
/// clears the ambient capabilities with the inheritable ones.
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

/// Removes every capability outside `set` from the bounding set, if this process may (`CAP_SETPCAP`). Otherwise
/// `no_new_privs` must keep the remaining ones out of reach.
pub fn bound(set: CapSet) {
    // EINVAL: this kernel knows no higher capability. EPERM: every other one is refused too.
    let removed = (!set).iter().try_for_each(bounding::drop);
    // Capabilities that are newer than the crate.
    let _ = removed.and_then(|()| bounding::clear_unknown());
}

fn errno(error: &capctl::Error) -> Errno {
    Errno::from_raw(error.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = !CapSet::empty() & capset!(Cap::BPF, Cap::NET_ADMIN);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Cap::NET_ADMIN, Cap::BPF]);
        assert_eq!(CapSet::empty() & capset!(Cap::BPF), CapSet::empty());
        assert!(!set.has(Cap::PERFMON));
    }

    #[test]
    fn capabilities_have_the_names_of_manuals_and_service_managers() {
        for (one, name) in [
            (Cap::SETGID, "CAP_SETGID"),
            (Cap::SETUID, "CAP_SETUID"),
            (Cap::NET_ADMIN, "CAP_NET_ADMIN"),
            (Cap::SYS_ADMIN, "CAP_SYS_ADMIN"),
            (Cap::PERFMON, "CAP_PERFMON"),
            (Cap::BPF, "CAP_BPF"),
        ] {
            assert_eq!(one.to_string(), name);
        }
    }
}
