//! Landlock (5.13): a process gives up files and, on newer kernels, ports and other processes, forever.

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr, RulesetError, Scope,
};
use nix::errno::Errno;

/// Newest version whose rights are denied (Linux 6.12). The crate leaves out the rights that an older kernel lacks.
const NEWEST: ABI = ABI::V6;

/// Denies this thread, and every process that it starts, all that this kernel's Landlock can deny. `no_new_privs` must
/// be set. Returns the version of Landlock; 0 where the kernel has none, or has it turned off.
///
/// # Errors
/// `E2BIG` when too many such layers are stacked.
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

/// Restricts this thread by a rule set without a rule, so that nothing is allowed.
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

    /// The rights that a kernel with `version` of Landlock is asked to deny.
    fn asked<T: Access>(version: i32) -> BitFlags<T> {
        T::from_all(NEWEST) & T::from_all(ABI::from(version))
    }

    #[test]
    fn each_version_is_asked_for_what_it_knows() {
        for (version, files, ports, strangers) in [
            (1, 0x1fff, 0, 0),
            (2, 0x3fff, 0, 0),
            (3, 0x7fff, 0, 0),
            (4, 0x7fff, 3, 0),
            (5, 0xffff, 3, 0),
            (6, 0xffff, 3, 3),
            (99, 0xffff, 3, 3),
        ] {
            assert_eq!(asked::<AccessFs>(version).bits(), files, "{version}");
            assert_eq!(asked::<AccessNet>(version).bits(), ports, "{version}");
            assert_eq!(asked::<Scope>(version).bits(), strangers, "{version}");
        }
    }
}
