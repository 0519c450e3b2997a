//! The line of the Corefile or of a list that gives an entry.
//!
//! The daemon keeps no lines, so the client reads the Corefile again.

use std::cell::OnceCell;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::slice;

use crate::base::capacity::MAX_KEY;
use crate::base::files;
use crate::base::json::Value;
use crate::base::utc::Utc;
use crate::commands::running_map::RunningMap;
use crate::commands::status;
use crate::config::{Entry, List, fit};
use crate::encode::Encoder;
use crate::list::{Found, Item, MAX_LINE, Parser, RANKS, Scope};
use crate::object::map_for_lines;
use crate::plan::sources::Sources;
use crate::plan::{self, Plan, PlannedFilter};
use crate::table::Source;

/// An entry of a running map whose origin is wanted.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Wanted<'a> {
    pub(in crate::commands) key: &'a [u8],
    pub(in crate::commands) value: &'a [u8],
    /// 0 for lines of the Corefile, else the list and the rank in it; `None` if the map does not tell.
    pub(in crate::commands) source: Option<Source>,
}

/// The Corefile and its lists. The daemon is asked for them, and they are read again, when an origin is wanted.
pub(in crate::commands) struct Origins<'a> {
    control: &'a Path,
    /// The reason if the daemon has read no file.
    status: OnceCell<Result<Status, String>>,
    /// The reason if the Corefile cannot be read again.
    plan: OnceCell<Result<Plan, String>>,
}

/// The status of the daemon.
struct Status {
    /// As JSON.
    json: Value,
    /// The daemon's working directory.
    folder: PathBuf,
    /// Path of the Corefile that runs, or of the one that a file on trial would replace, as the daemon got it.
    corefile: String,
    /// Path of the file on trial, which the daemon runs.
    trial: Option<String>,
    /// Time of the last successful reading, in seconds since 1970.
    read_at: u64,
}

impl<'a> Origins<'a> {
    /// The origins of entries of the daemon that listens at `control`.
    pub(in crate::commands) const fn new(control: &'a Path) -> Self {
        Self {
            control,
            status: OnceCell::new(),
            plan: OnceCell::new(),
        }
    }

    /// `FILE:LINE` of the line that gives the running map the entry, or the reason why there is none.
    pub(super) fn origin(&self, running: &RunningMap, wanted: &Wanted<'_>) -> String {
        let place = match self.find(running, wanted) {
            Ok(place) => place,
            Err(reason) => return reason,
        };
        match (place, self.changed(running)) {
            (Some(place), None) => place,
            (Some(place), Some(file)) => format!("{place}; {file} has changed since"),
            (None, None) => "not in the Corefile".into(),
            (None, Some(file)) => {
                format!("no longer in the Corefile or a list; {file} has changed: reload")
            }
        }
    }

    /// `FILE:LINE` of the line that gives the running map the entry.
    pub(in crate::commands) fn place(
        &self,
        running: &RunningMap,
        wanted: &Wanted<'_>,
    ) -> Option<String> {
        self.find(running, wanted).ok()?
    }

    /// Name of a file about the running map that changed after the daemon read it.
    pub(super) fn changed(&self, running: &RunningMap) -> Option<String> {
        let status = self.status().ok()?;
        let modified = |file: &str| {
            let modified = fs::metadata(status.folder.join(file)).and_then(|file| file.modified());
            modified.ok().map(|time| Utc::from(time).0)
        };
        let filters = status.json.get("filters").list().iter();
        let filters = filters
            .filter(|filter| filter.get("interface").word() == Some(&running.place.interface));
        let mut lists = filters.flat_map(|filter| filter.get("lists").list());
        let list = lists.find_map(|list| {
            let path = list.get("path").word()?;
            let is_changed = list.get("map").word() == Some(&running.name)
                && modified(path) != list.get("modified").number();
            is_changed.then(|| path.to_owned())
        });
        let main = slice::from_ref(status.trial.as_ref().unwrap_or(&status.corefile));
        let plan = self.plan.get().and_then(|plan| plan.as_ref().ok());
        let mut files = plan.map_or(main, |plan| plan.corefile.files()).iter();
        let is_later = |file: &&String| modified(file).is_some_and(|time| time > status.read_at);
        list.or_else(|| files.find(is_later).cloned())
    }

    fn find(&self, running: &RunningMap, wanted: &Wanted<'_>) -> Result<Option<String>, String> {
        let plan = self.plan.get_or_init(|| self.status()?.plan());
        let plan = plan.as_ref().map_err(Clone::clone)?;
        let stages = plan.filters.iter().filter(|planned| {
            let stem = planned.block.elf.file_stem().unwrap_or_default();
            let stage = running.place.stage.as_deref();
            // The second stage of an object `acl` is `acl#2`.
            let name = stage.map(|stage| stage.split('#').next().unwrap_or_default());
            planned.block.interface.as_str() == running.place.interface
                && name.is_none_or(|name| stem.to_string_lossy() == name)
        });
        let mut places = stages.filter_map(|planned| place(plan, planned, &running.name, wanted));
        Ok(places.next_back())
    }

    fn status(&self) -> Result<&Status, String> {
        let status = self.status.get_or_init(|| Status::ask(self.control));
        status.as_ref().map_err(Clone::clone)
    }
}

impl Status {
    fn ask(control: &Path) -> Result<Self, String> {
        let unknown = || "the daemon's Corefile is unknown".to_owned();
        let text = status::fetch(control).map_err(|_| unknown())?;
        let status = Value::read(&text).ok_or_else(unknown)?;
        let running = status.get("fallback").word();
        let corefile = running
            .or_else(|| status.get("corefile").word())
            .ok_or_else(unknown)?
            .to_owned();
        // A relative path starts at the daemon's working directory.
        let pid = status.get("pid").number().unwrap_or_default();
        let last = status.get("last_reload");
        let read_at = match last.get("result").word() {
            Some("success" | "pending") => last.get("time").number(),
            _ => None,
        };
        let read_at = read_at.or(status.get("started").number());
        Ok(Self {
            folder: fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default(),
            corefile,
            trial: status.get("trial").word().map(str::to_owned),
            read_at: read_at.unwrap_or_default(),
            json: status,
        })
    }

    fn plan(&self) -> Result<Plan, String> {
        let path = &self.corefile;
        if path == "stdin" {
            return Err("the Corefile was read from standard input".into());
        }
        let corefile = self.folder.join(path);
        let source = match &self.trial {
            None => plan::Source::File(corefile),
            Some(file) => plan::Source::Trial {
                file: file.into(),
                corefile,
            },
        };
        Plan::make(&source, &mut Sources::default()).map_err(|_| {
            let path = self.trial.as_ref().unwrap_or(path);
            format!("{path} is wrong now; `corexdp check` says why")
        })
    }
}

/// `FILE:LINE` of the last line that gives the map `name` the entry, or of the line of a list.
fn place(plan: &Plan, planned: &PlannedFilter, name: &str, wanted: &Wanted<'_>) -> Option<String> {
    let corefile = &plan.corefile;
    let id = planned.block.map(name)?.id;
    let def = map_for_lines(&planned.object.maps, name)?;
    let encoder = Encoder::new(def, planned.object.btf());
    let lines = planned.block.entries.of_map(id, corefile);
    let is_same = |line: &Entry<'_>| {
        let mut bytes = [0; MAX_KEY];
        let size = fit::key(corefile, line, &encoder, &mut bytes).ok();
        size.and_then(|size| bytes.get(..size)) == Some(wanted.key)
    };
    if let None | Some(0) = wanted.source
        && let Some(at) = lines.filter(is_same).last().and_then(|line| line.at())
    {
        return Some(format!("{}:{}", corefile.file(at), at.line()));
    }
    let lists = planned.block.lists.iter().filter(|list| list.map == id);
    let mut lists = lists.enumerate().filter(|(index, _)| {
        let of_source = wanted.source.map(|source| list_of(source).map(usize::from));
        of_source.is_none_or(|of_source| of_source == Some(*index))
    });
    lists.find_map(|(_, list)| {
        let line = list_line(list, &encoder, wanted)?;
        Some(format!("{}:{line}", list.path.display()))
    })
}

/// Number of the list that has the source, among those of its map; `None` for the source of the Corefile's lines.
fn list_of(source: Source) -> Option<u8> {
    Some(source.checked_sub(1)? / RANKS)
}

/// Distance of a list's item from the wanted entry, whose key it has: 0 at best, [`RANKS`] if it is another entry.
fn distance(found: &Found<'_>, wanted: &Wanted<'_>, encoder: &Encoder<'_>) -> u8 {
    let Some(source) = wanted.source else {
        return found.rank;
    };
    if source.saturating_sub(1) % RANKS != found.rank {
        return RANKS;
    }
    match (found.item, encoder.scope(wanted.value)) {
        // The table has another item for the names below a name than for the name.
        (Item::Name { scope, .. }, Some(wanted)) => {
            let is_other = scope != wanted && scope != Scope::Tree && wanted != Scope::Tree;
            u8::from(is_other)
        }
        _ => 0,
    }
}

/// The line of a list's file that gives the entry: of the nearest items the first.
fn list_line(list: &List, encoder: &Encoder<'_>, wanted: &Wanted<'_>) -> Option<u64> {
    let mut reader = BufReader::new(files::open(&list.path).ok()?);
    let mut parser = Parser::new(list.format.map(|(format, _)| format));
    let keys = encoder.item_keys()?;
    let (mut line, mut bytes) = (Vec::new(), vec![0; wanted.key.len()]);
    let (mut nearest, mut place) = (RANKS, None);
    let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    while nearest > 0 {
        line.clear();
        let rest = (&mut reader).take(limit).read_until(b'\n', &mut line);
        let is_end = rest.ok()? == 0;
        if is_end {
            // The last line may have no end.
            line.push(b'\n');
        }
        let before = nearest;
        parser.feed(&line, &mut |found| {
            Encoder::item_key(keys, &found.item, &mut bytes)?;
            if bytes == wanted.key {
                nearest = nearest.min(distance(found, wanted, encoder));
            }
            Ok(())
        });
        if nearest < before {
            place = Some(parser.lines());
        }
        if is_end {
            break;
        }
    }
    place
}
