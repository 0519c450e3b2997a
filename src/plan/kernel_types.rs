//! Resolution of CO-RE relocations by the types of the running kernel.

use std::io;
use std::path::Path;

use super::{Plan, PlannedFilter};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::escape::Escaped;
use crate::base::files;
use crate::corefile::Corefile;
use crate::object::Btf;

/// The types of the running kernel (5.4, with `CONFIG_DEBUG_INFO_BTF`).
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
/// Maximum size of the types in bytes. A kernel with all drivers built in has about 10 MB.
const MAX_TYPES: usize = 64 << 20;

impl Plan {
    /// Resolves the CO-RE relocations of all programs. Reads the kernel's types only if a program needs them.
    ///
    /// # Errors
    /// One error for each program whose relocations cannot be resolved by this kernel's types.
    pub fn resolve_kernel_types(&mut self) -> Result<(), Vec<Diagnostic>> {
        let needs = |filter: &PlannedFilter| filter.object.needs_kernel_types();
        if !self.filters.iter().any(needs) {
            return Ok(());
        }
        let types = read();
        let mut errors = Vec::new();
        for filter in self.filters.iter_mut().filter(|filter| needs(filter)) {
            let resolved = match &types {
                Ok(types) => filter
                    .object
                    .resolve(types)
                    .map_err(|error| error.to_string()),
                Err(why) => Err(why.clone()),
            };
            if let Err(why) = resolved {
                errors.push(unresolved(&self.corefile, filter, &why));
            }
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

/// Reads the types of the running kernel. An error is a message for the operator.
fn read() -> Result<Btf, String> {
    let bytes = files::read(Path::new(VMLINUX), MAX_TYPES).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            "it needs the types of the running kernel, which has none (no CONFIG_DEBUG_INFO_BTF); build it without vmlinux.h and bpf_core_read, from <linux/…> headers".to_owned()
        }
        _ => format!("cannot read the kernel's types in {VMLINUX}: {error}"),
    })?;
    Btf::parse(&bytes)
        .map_err(|error| format!("cannot use the kernel's types in {VMLINUX}: {error}"))
}

/// The error for a filter whose program cannot be resolved.
fn unresolved(corefile: &Corefile, filter: &PlannedFilter, why: &str) -> Diagnostic {
    let path = filter.block.elf.to_string_lossy();
    let message = format!("{}: {why}", Escaped(&path));
    corefile.diagnostic(filter.block.elf_at, "elf", message, Blame::Object)
}
