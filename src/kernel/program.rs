//! Loading a program. The only file that uses redbpf.
//!
//! redbpf parses only canonical objects that [`crate::object`] writes, never bytes of a user's file. redbpf reports the
//! verifier's log only in a `tracing` event, which [`ErrorCollector`] collects.

use std::fmt::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::{io, mem};

use nix::errno::Errno;
use redbpf::ModuleBuilder;
use tracing::dispatcher::set_global_default;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use super::{Call, bpf_call, errno, info};
use crate::object::{self, LinkedObject};

/// The program receives packets of several fragments (5.18). `bpf_sys` lacks this flag.
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;

/// A loaded program. Closing its last descriptor unloads it, unless it is attached or pinned.
#[derive(Debug)]
pub struct Program {
    fd: OwnedFd,
    /// Id and name.
    pub info: info::Program,
}

/// Reason why a program was not loaded.
#[derive(Debug)]
pub enum Failure {
    /// The verifier refused the program; its whole log.
    Verifier(String),
    /// The kernel refused the call before verification.
    Refused(Errno),
    /// The object has no canonical form.
    Object(object::Error),
}

impl Program {
    /// Loads the program of `object` with these map descriptors. `offload` is the index of an interface whose card is to
    /// run the program.
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

    /// Takes over a program that another process loaded.
    ///
    /// # Errors
    /// `EINVAL` for a descriptor of another kind.
    pub fn adopt(fd: OwnedFd) -> Result<Self, Errno> {
        let info = info::program(fd.as_fd())?;
        Ok(Self { fd, info })
    }

    /// Duplicates the descriptor.
    ///
    /// # Errors
    /// `EMFILE`.
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

/// Loads by redbpf, or by the libbpf inside redbpf if the program needs fragments or offload, which redbpf lacks.
fn load(object: &LinkedObject, maps: &[i32], offload: Option<u32>) -> Result<OwnedFd, Failure> {
    if offload.is_some() {
        return load_directly(object, maps, 0, offload);
    }
    if object.frags {
        match load_directly(object, maps, BPF_F_XDP_HAS_FRAGS, None) {
            // A kernel before 5.18 refuses BPF_F_XDP_HAS_FRAGS. Without the flag, the kernel may load the program.
            Err(Failure::Refused(Errno::EINVAL)) => {}
            other => return other,
        }
    }
    load_by_redbpf(&object.canonical(maps).map_err(Failure::Object)?)
}

fn load_by_redbpf(canonical: &[u8]) -> Result<OwnedFd, Failure> {
    bpf_call::injected_fault(Call::ProgLoad).map_err(Failure::Refused)?;
    // Fails from the second program on, since the collector is set.
    let _ = set_global_default(Dispatch::new(ErrorCollector));
    take_errors();
    let load = || {
        let mut module = ModuleBuilder::parse(canonical).and_then(ModuleBuilder::to_module)?;
        let (version, license) = (module.version, module.license.clone());
        let program = module.programs.first_mut().ok_or(redbpf::Error::ElfError)?;
        program.load(version, license)?;
        let fd = program.fd().ok_or(redbpf::Error::ProgramNotLoaded)?;
        // SAFETY: `program` owns the descriptor and lives until the end of this closure.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        // redbpf closes its own descriptor when `module` is dropped.
        Ok(fd.try_clone_to_owned())
    };
    let copied = load().map_err(|_: redbpf::Error| parse_failure(&take_errors()))?;
    copied.map_err(|error| Failure::Refused(errno(&error)))
}

/// Parses errno and verifier log in a message of redbpf: "… os error=TEXT (os error N): LOG".
fn parse_failure(text: &str) -> Failure {
    let Some((_, rest)) = text.split_once("(os error ") else {
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

/// Bytes of the verifier's log without redbpf.
const LOG_SIZE: usize = 256 * 1024;

fn load_directly(
    object: &LinkedObject,
    maps: &[i32],
    flags: u32,
    offload: Option<u32>,
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
    attributes.__bindgen_anon_2.prog_ifindex = offload.unwrap_or(0);
    let fd = load_logged(&attributes, &mut []).or_else(|errno| {
        attributes.log_level = 1;
        let mut log = vec![0; LOG_SIZE];
        load_logged(&attributes, &mut log).map_err(|_| {
            let text = log.split(|&b| b == 0).next().unwrap_or_default();
            classify(errno, &String::from_utf8_lossy(text))
        })
    })?;
    // SAFETY: the kernel has just created this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes the call, with the verifier's log unless `log` is empty. The pointers in `attributes` must be valid.
fn load_logged(attributes: &bpf_sys::bpf_load_program_attr, log: &mut [u8]) -> Result<i32, Errno> {
    let at = if log.is_empty() {
        std::ptr::null_mut()
    } else {
        log.as_mut_ptr()
    };
    // SAFETY: by the caller's contract the pointers in `attributes` are valid; the log is null with length 0, or a slice
    // of the given length.
    bpf_call::call(Call::ProgLoad, || unsafe {
        bpf_sys::bpf_load_program_xattr(std::ptr::from_ref(attributes), at.cast(), log.len() as u64)
    })
}

/// A subscriber that collects the text of redbpf's error events. One thread loads programs.
struct ErrorCollector;

/// The text that [`ErrorCollector`] has collected.
static ERRORS: Mutex<String> = Mutex::new(String::new());

fn take_errors() -> String {
    mem::take(&mut *ERRORS.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Subscriber for ErrorCollector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = ERRORS.lock().unwrap_or_else(PoisonError::into_inner);
        event.record(&mut TextVisitor(&mut text));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The text of an event, whose `Debug` is its `Display`.
struct Message<'a>(&'a dyn fmt::Debug);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

struct TextVisitor<'a>(&'a mut String);

impl Visit for TextVisitor<'_> {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{}", Message(value));
    }

    // No event of redbpf has such fields. The default methods would link the code that formats them.
    fn record_f64(&mut self, _: &Field, _: f64) {}
    fn record_i128(&mut self, _: &Field, _: i128) {}
    fn record_u128(&mut self, _: &Field, _: u128) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errno_and_log_are_parsed_from_redbpfs_message() {
        let message = "error loading BPF program `x' with bpf_load_program_xattr. ret=-1 os error=Permission denied (os error 13): 0: (95) exit\nR0 !read_ok\n";
        assert!(
            matches!(parse_failure(message), Failure::Verifier(log) if log == "0: (95) exit\nR0 !read_ok")
        );
        let message =
            "error loading BPF program `x'. os error=Operation not permitted (os error 1): ";
        assert!(matches!(
            parse_failure(message),
            Failure::Refused(Errno::EPERM)
        ));
        assert!(matches!(parse_failure(""), Failure::Refused(Errno::EINVAL)));
    }
}
