//! Maps of the running filters: the daemon passes their descriptors, and the client reads them.

use std::fmt;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;

use crate::base::escape::Escaped;
use crate::base::index::Index;
use crate::base::ktime;
use crate::base::utc::Utc;
use crate::config::decision::End;
use crate::control::client::{self, Error};
use crate::control::{Payload, Request};
use crate::kernel::map::Map;
use crate::kernel::shared_memory::SharedMemory;
use crate::kernel::{btf, errno, info, limits};
use crate::object::Btf;

/// A map of a running filter.
#[derive(Debug)]
pub struct RunningMap {
    /// Interface and stage.
    pub place: Place,
    /// Name in the object.
    pub name: String,
    map: OwnedFd,
    decisions: Decisions,
}

/// Interface of a map, and its stage, since several stages may have maps of the same name.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the interface.
    pub interface: String,
    /// Name of the stage; in the answer to [`Request::Dump`] only in a chain.
    pub stage: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(&self.interface))?;
        match &self.stage {
            Some(stage) => write!(f, "/{}", Escaped(stage)),
            None => Ok(()),
        }
    }
}

/// The decisions about a map.
#[derive(Debug, Default)]
struct Decisions {
    /// For each decision its end in nanoseconds of [`ktime`](crate::base::ktime), 0 for no end, and its key.
    rows: Vec<u8>,
    row_size: usize,
    /// Rows by key.
    index: Index,
}

impl Decisions {
    /// Copies the decisions from the memory that the daemon passed.
    fn copy(count: u32, key_size: usize, memory: &OwnedFd) -> Result<Self, Errno> {
        let row_size = size_of::<u64>().saturating_add(key_size);
        let size = row_size.saturating_mul(count as usize);
        let mut rows = vec![0; size];
        SharedMemory::open(memory, size)?.copy_to(&mut rows);
        let mut index = Index::default();
        for (number, row) in rows.chunks_exact(row_size).enumerate() {
            index.insert(row.get(size_of::<u64>()..).unwrap_or_default(), number);
        }
        Ok(Self {
            rows,
            row_size,
            index,
        })
    }

    /// The end of the decision about `key`, 0 for no end; `None` if there is no decision.
    fn find(&self, key: &[u8]) -> Option<u64> {
        let start = self.index.get(key)?.checked_mul(self.row_size)?;
        let end = self.rows.get(start..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*end))
    }
}

/// Receives the maps from the daemon that listens at `control`. `request` is [`Request::Dump`] or [`Request::Maps`].
///
/// # Errors
/// When the daemon does not answer, or refuses.
pub fn fetch(control: &Path, request: &Request<'_>) -> Result<Vec<RunningMap>, Error> {
    let mut maps: Vec<RunningMap> = Vec::new();
    client::fetch(control, request, &mut |payload, descriptor| {
        match payload {
            Payload::Map(names) => {
                maps.push(RunningMap::new(names, descriptor).ok_or(Errno::EBADMSG)?);
            }
            Payload::Decisions(count) => {
                let map = maps.last_mut().ok_or(Errno::EBADMSG)?;
                let key_size = info::map(map.map.as_fd())?.definition.key_size as usize;
                let count = u32::from_ne_bytes(count);
                map.decisions = Decisions::copy(count, key_size, &descriptor)?;
            }
            _ => return Err(Errno::EBADMSG),
        }
        Ok(())
    })?;
    Ok(maps)
}

impl RunningMap {
    /// The map of these names.
    fn new(names: &[u8], map: OwnedFd) -> Option<Self> {
        let (interface, names) = std::str::from_utf8(names).ok()?.split_once(' ')?;
        let mut names = names.splitn(2, '\0');
        Some(Self {
            name: names.next()?.into(),
            place: Place {
                interface: interface.into(),
                stage: names.next().map(Into::into),
            },
            map,
            decisions: Decisions::default(),
        })
    }

    /// Opens the map for reading.
    ///
    /// # Errors
    /// When the kernel does not describe the map.
    pub fn open(&self) -> Result<(Map, info::Map), Errno> {
        let info = info::map(self.map.as_fd())?;
        let map = self.map.try_clone().map_err(|error| errno(&error))?;
        // The kernel copies a value for each possible CPU of a per-CPU map, so the buffer needs room for all of them.
        let cpus = if info.definition.kind.is_per_cpu() {
            limits::possible_cpus().map_err(|error| errno(&error))?
        } else {
            1
        };
        Ok((Map::open(map, &info, cpus), info))
    }

    /// Types of the map; `None` if the map has none.
    ///
    /// # Errors
    /// `EPERM` without `CAP_SYS_ADMIN`.
    pub fn types(&self, info: &info::Map) -> Result<Option<Btf>, Errno> {
        if info.btf == 0 {
            return Ok(None);
        }
        let blob = btf::read(info.btf)?;
        Ok(Btf::parse(&blob).ok())
    }

    /// Id of the map in the kernel.
    ///
    /// # Errors
    /// The errno of the kernel.
    pub fn id(&self) -> Result<u32, Errno> {
        info::map_id(self.map.as_fd())
    }

    /// The end of the decision about `key`; `None` if there is no decision.
    pub fn decision(&self, key: &[u8]) -> Option<End> {
        let until = self.decisions.find(key)?;
        Some(end((until > 0).then_some(until)))
    }
}

/// The end in words of a decision that ends at `until`, in nanoseconds of [`ktime`].
pub fn end(until: Option<u64>) -> End {
    End(until.map(|until| {
        let left = Duration::from_nanos(until.saturating_sub(ktime::now()));
        Utc::from(SystemTime::now() + left)
    }))
}
