//! The line of the Corefile that gives an entry.
//!
//! The daemon keeps no lines, so the client reads the Corefile again.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use crate::base::capacity::MAX_KEY;
use crate::base::files;
use crate::base::json::Value;
use crate::base::utc::Utc;
use crate::commands::running_map::RunningMap;
use crate::commands::status;
use crate::config::{Entry, List, fit};
use crate::encode::Encoder;
use crate::list::{MAX_LINE, Parser};
use crate::object::map_for_lines;
use crate::plan::sources::Sources;
use crate::plan::{Plan, PlannedFilter, Source};

/// The Corefile of the daemon, read again; the reason if it cannot be read.
pub(super) struct Corefile(Result<Read, String>);

struct Read {
    plan: Plan,
    /// Name of a file that changed after the daemon read it.
    changed: Option<String>,
}

impl Corefile {
    /// Reads the Corefile of the daemon that listens at `control`.
    pub(super) fn read(control: &Path) -> Self {
        Self(read(control))
    }

    /// `FILE:LINE` of the line that gives the running map the entry with this key, or the reason why there is none.
    pub(super) fn origin(&self, running: &RunningMap, key: &[u8]) -> String {
        let Read { plan, changed } = match &self.0 {
            Ok(read) => read,
            Err(reason) => return reason.clone(),
        };
        let stages = plan.filters.iter().filter(|planned| {
            let stem = planned.block.elf.file_stem().unwrap_or_default();
            let stage = running.place.stage.as_deref();
            // The second stage of an object `acl` is `acl#2`.
            let name = stage.map(|stage| stage.split('#').next().unwrap_or_default());
            planned.block.interface.as_str() == running.place.interface
                && name.is_none_or(|name| stem.to_string_lossy() == name)
        });
        let mut places = stages.filter_map(|planned| place(plan, planned, &running.name, key));
        match (places.next_back(), changed) {
            (Some(place), None) => place,
            (Some(place), Some(file)) => format!("{place}; {file} has changed since"),
            (None, None) => "not in the Corefile".into(),
            (None, Some(file)) => format!("not in the Corefile now; {file} has changed since"),
        }
    }
}

fn read(control: &Path) -> Result<Read, String> {
    let unknown = || "the daemon's Corefile is unknown".to_owned();
    let text = status::fetch(control).map_err(|_| unknown())?;
    let status = Value::read(&text).ok_or_else(unknown)?;
    let path = status.get("corefile").word().ok_or_else(unknown)?;
    if path == "stdin" {
        return Err("the Corefile was read from standard input".into());
    }
    // A relative path starts at the daemon's working directory.
    let pid = status.get("pid").number().unwrap_or_default();
    let here = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
    let given = PathBuf::from(path);
    let source = Source::File(here.join(&given));
    let plan = Plan::make(&source, &mut Sources::default())
        .map_err(|_| format!("{path} is wrong now; `corexdp check` says why"))?;
    let last = status.get("last_reload");
    let read_at = match last.get("result").word() {
        Some("success") => last.get("time").number(),
        _ => None,
    };
    let read_at = read_at
        .or(status.get("started").number())
        .unwrap_or_default();
    let mut files = plan.corefile.files().iter();
    let changed = files.find(|file| {
        let modified = fs::metadata(file).and_then(|file| file.modified());
        modified.is_ok_and(|time| Utc::from(time).0 > read_at)
    });
    Ok(Read {
        changed: changed.cloned(),
        plan,
    })
}

/// `FILE:LINE` of the last line that gives the map `name` an entry with this key, or of the line of a list.
fn place(plan: &Plan, planned: &PlannedFilter, name: &str, key: &[u8]) -> Option<String> {
    let corefile = &plan.corefile;
    let id = planned.block.map(name)?.id;
    let def = map_for_lines(&planned.object.maps, name)?;
    let encoder = Encoder::new(def, planned.object.btf());
    let lines = planned.block.entries.of_map(id, corefile);
    let is_same = |line: &Entry<'_>| {
        let mut bytes = [0; MAX_KEY];
        let size = fit::key(corefile, line, &encoder, &mut bytes).ok();
        size.and_then(|size| bytes.get(..size)) == Some(key)
    };
    if let Some(at) = lines.filter(is_same).last().and_then(|line| line.at()) {
        return Some(format!("{}:{}", corefile.file(at), at.line()));
    }
    let mut lists = planned.block.lists.iter().filter(|list| list.map == id);
    lists.find_map(|list| {
        let line = list_line(list, &encoder, key)?;
        Some(format!("{}:{line}", list.path.display()))
    })
}

/// The line of a list's file that gives an entry with this key.
fn list_line(list: &List, encoder: &Encoder<'_>, key: &[u8]) -> Option<u64> {
    let mut reader = BufReader::new(files::open(&list.path).ok()?);
    let mut parser = Parser::new(list.format.map(|(format, _)| format));
    let keys = encoder.item_keys()?;
    let (mut line, mut bytes, mut is_found) = (Vec::new(), vec![0; key.len()], false);
    for number in 1.. {
        line.clear();
        let limit = u64::try_from(2 * MAX_LINE).unwrap_or(u64::MAX);
        if (&mut reader)
            .take(limit)
            .read_until(b'\n', &mut line)
            .ok()?
            == 0
        {
            return None;
        }
        parser.feed(&line, &mut |found| {
            Encoder::item_key(keys, &found.item, &mut bytes)?;
            is_found |= bytes == key;
            Ok(())
        });
        if is_found {
            return Some(number);
        }
    }
    None
}
