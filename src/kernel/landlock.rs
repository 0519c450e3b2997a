//! Landlock (5.13): irrevocably denies a process access to files and, on newer kernels, to ports and other processes.

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr, RulesetError, Scope,
};
use nix::errno::Errno;

/// The version whose rights are denied (Linux 6.12). The crate omits rights that an older kernel lacks.
const NEWEST: ABI = ABI::V6;

/// Denies this thread, and every process that it starts, every right that this kernel's Landlock knows. `no_new_privs`
/// must be set. Returns the version of Landlock; 0 if the kernel has none or has disabled it.
///
/// # Errors
/// `E2BIG` when too many layers of Landlock are stacked.
pub fn deny_everything() -> Result<i64, Errno> {
    let status = deny().map_err(|error| Errno::from_raw(*landlock::Errno::from(error)))?;
    Ok(match status {
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
        LandlockStatus::Available {
            effective_abi,
            kernel_abi,
        } => kernel_abi.unwrap_or(effective_abi as i32).into(),
    })
}

/// Restricts this thread by a rule set without rules, which allows nothing.
fn deny() -> Result<LandlockStatus, RulesetError> {
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?;
    let status = rules.create()?.restrict_self()?;
    Ok(status.landlock)
}

#[cfg(test)]
mod tests {
    use landlock::BitFlags;

    use super::*;

    /// The rights that a kernel with `version` of Landlock denies.
    fn denied<T: Access>(version: i32) -> BitFlags<T> {
        T::from_all(NEWEST) & T::from_all(ABI::from(version))
    }

    #[test]
    fn each_version_denies_the_rights_it_knows() {
        for (version, files, ports, scopes) in [
            (1, 0x1fff, 0, 0),
            (2, 0x3fff, 0, 0),
            (3, 0x7fff, 0, 0),
            (4, 0x7fff, 3, 0),
            (5, 0xffff, 3, 0),
            (6, 0xffff, 3, 3),
            (99, 0xffff, 3, 3),
        ] {
            assert_eq!(denied::<AccessFs>(version).bits(), files, "{version}");
            assert_eq!(denied::<AccessNet>(version).bits(), ports, "{version}");
            assert_eq!(denied::<Scope>(version).bits(), scopes, "{version}");
        }
    }
}
