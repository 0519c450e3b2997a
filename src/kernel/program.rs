//! Loading a program. The only file that names redbpf.
//!
//! redbpf is given a canonical object of our own making, so that it never sees a foreign byte (see
//! [`crate::object`]). It tells why the verifier refused only in a `tracing` event, which [`Listener`] catches.

use std::fmt::Write as _;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, mem};

use nix::errno::Errno;
use redbpf::ModuleBuilder;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::{Call, bpf_call, errno, info};
use crate::object::{self, LinkedObject};

/// Makes the kernel hand packets of several fragments to the program (5.18, newer than bpf-sys).
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;

/// A loaded program. Closing it unloads it unless it is attached.
#[derive(Debug)]
pub struct Program {
    fd: OwnedFd,
    /// Id and name.
    pub info: info::Program,
}

/// Why a program could not be loaded.
#[derive(Debug)]
pub enum Failure {
    /// The verifier refused it; its whole log.
    Verifier(String),
    /// The kernel refused before verifying.
    Refused(Errno),
    /// The object can't be put into the form that redbpf reads.
    Object(object::Error),
}

impl Program {
    /// Loads the program of `object` with the given map descriptors. With `offload`, for the card with that interface
    /// index.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn load(
        object: &LinkedObject,
        maps: &[i32],
        offload: Option<u32>,
    ) -> Result<Self, Failure> {
        let fd = load(object, maps, offload)?;
        let info = info::program(fd.as_fd()).map_err(Failure::Refused)?;
        Ok(Self { fd, info })
    }
}

impl Program {
    /// A program that another process loaded.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn adopt(fd: OwnedFd) -> Result<Self, Errno> {
        let info = info::program(fd.as_fd())?;
        Ok(Self { fd, info })
    }

    /// The same program by another descriptor.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn share(&self) -> io::Result<Self> {
        Ok(Self {
            fd: self.fd.try_clone()?,
            info: self.info.clone(),
        })
    }
}

impl From<Program> for OwnedFd {
    fn from(program: Program) -> Self {
        program.fd
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// redbpf can ask neither for fragments nor for a card; those two go through its libbpf.
fn load(object: &LinkedObject, maps: &[i32], offload: Option<u32>) -> Result<OwnedFd, Failure> {
    if offload.is_some() {
        return load_directly(object, maps, 0, offload);
    }
    if object.frags {
        match load_directly(object, maps, BPF_F_XDP_HAS_FRAGS, None) {
            // A kernel before 5.18 does not know the flag; the program itself it may well know.
            Err(Failure::Refused(Errno::EINVAL)) => {}
            other => return other,
        }
    }
    load_by_redbpf(&object.canonical(maps).map_err(Failure::Object)?)
}

fn load_by_redbpf(canonical: &[u8]) -> Result<OwnedFd, Failure> {
    bpf_call::injected_fault(Call::ProgLoad).map_err(Failure::Refused)?;
    let words = Arc::new(Mutex::new(String::new()));
    let attempt = tracing::subscriber::with_default(Listener(Arc::clone(&words)), || {
        let mut module = ModuleBuilder::parse(canonical).and_then(ModuleBuilder::to_module)?;
        let (version, license) = (module.version, module.license.clone());
        let program = module.programs.first_mut().ok_or(redbpf::Error::ElfError)?;
        program.load(version, license)?;
        let fd = program.fd().ok_or(redbpf::Error::ProgramNotLoaded)?;
        // SAFETY: `program` owns the descriptor and lives until the end of this closure.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        // redbpf closes its own when the module is dropped.
        Ok(fd.try_clone_to_owned())
    });
    let copied = attempt.map_err(|_: redbpf::Error| {
        let words = mem::take(&mut *words.lock().unwrap_or_else(PoisonError::into_inner));
        refusal(&words)
    })?;
    copied.map_err(|error| Failure::Refused(errno(&error)))
}

/// Finds errno and verifier log in what redbpf says: "… os error=TEXT (os error N): LOG".
fn refusal(words: &str) -> Failure {
    let Some((_, rest)) = words.split_once("(os error ") else {
        return Failure::Refused(Errno::EINVAL);
    };
    let (number, log) = rest.split_once("): ").unwrap_or((rest, ""));
    let errno = number
        .trim_end_matches(')')
        .parse()
        .map_or(Errno::EINVAL, Errno::from_raw);
    classify(errno, log)
}

fn classify(errno: Errno, log: &str) -> Failure {
    if log.trim().is_empty() {
        Failure::Refused(errno)
    } else {
        Failure::Verifier(log.trim_end().to_owned())
    }
}

/// Bytes of the verifier's log that are kept when loading directly.
const LOG: usize = 256 * 1024;

fn load_directly(
    object: &LinkedObject,
    maps: &[i32],
    flags: u32,
    card: Option<u32>,
) -> Result<OwnedFd, Failure> {
    let instructions = object.instructions(maps).map_err(Failure::Object)?;
    let name = format!("{}\0", object.entry);
    let license = format!("{}\0", object.license);
    // SAFETY: bpf_load_program_attr is plain data (integers, pointers, unions of integers); all zero is valid.
    let mut attributes: bpf_sys::bpf_load_program_attr = unsafe { mem::zeroed() };
    attributes.prog_type = bpf_sys::bpf_prog_type_BPF_PROG_TYPE_XDP;
    attributes.name = name.as_ptr().cast();
    attributes.license = license.as_ptr().cast();
    attributes.insns = instructions.as_ptr().cast();
    attributes.insns_cnt = (instructions.len() / 8) as u64;
    attributes.prog_flags = flags;
    attributes.__bindgen_anon_2.prog_ifindex = card.unwrap_or(0);
    let fd = load_logged(&attributes, &mut []).or_else(|errno| {
        attributes.log_level = 1;
        let mut log = vec![0; LOG];
        load_logged(&attributes, &mut log).map_err(|_| {
            let text = log.split(|&b| b == 0).next().unwrap_or_default();
            classify(errno, &String::from_utf8_lossy(text))
        })
    })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The name, license and instructions that `attributes` points to must be alive.
fn load_logged(attributes: &bpf_sys::bpf_load_program_attr, log: &mut [u8]) -> Result<i32, Errno> {
    let at = if log.is_empty() {
        std::ptr::null_mut()
    } else {
        log.as_mut_ptr()
    };
    // SAFETY: the caller keeps alive what `attributes` points to; the log is null and 0, or as long as said.
    bpf_call::call(Call::ProgLoad, || unsafe {
        bpf_sys::bpf_load_program_xattr(std::ptr::from_ref(attributes), at.cast(), log.len() as u64)
    })
}

/// Collects the text of redbpf's error events.
struct Listener(Arc<Mutex<String>>);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        event.record(&mut Words(&mut words));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Words<'a>(&'a mut String);

impl Visit for Words<'_> {
    fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String can't fail.
        let _ = write!(self.0, "{value:?}");
    }

    // In no event of redbpf; left to themselves they would bring in the code that writes such numbers.
    fn record_f64(&mut self, _: &Field, _: f64) {}
    fn record_i128(&mut self, _: &Field, _: i128) {}
    fn record_u128(&mut self, _: &Field, _: u128) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errno_and_log_are_found_in_redbpfs_words() {
        let said = "error loading BPF program `x' with bpf_load_program_xattr. ret=-1 os error=Permission denied (os error 13): 0: (95) exit\nR0 !read_ok\n";
        assert!(
            matches!(refusal(said), Failure::Verifier(log) if log == "0: (95) exit\nR0 !read_ok")
        );
        let said = "error loading BPF program `x'. os error=Operation not permitted (os error 1): ";
        assert!(matches!(refusal(said), Failure::Refused(Errno::EPERM)));
        assert!(matches!(refusal(""), Failure::Refused(Errno::EINVAL)));
    }
}
