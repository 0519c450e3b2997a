//! Rooms of the crate and the order in which they may import each other.
//!
//! A room is a folder of `src`. A room imports only rooms of lower floors, so that it can be read, tested and fuzzed
//! without the rooms above.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod files;
mod paths;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use paths::paths;

/// Rooms by floor, from the ground up. Rooms of one floor do not import each other.
const FLOORS: [&[&str]; 10] = [
    &["base"],
    &["table"],
    &["corefile", "list", "log", "object"],
    &["encode", "kernel", "packet"],
    &["config"],
    &["plan"],
    &["filter"],
    &["control", "views"],
    &["http"],
    &["commands", "daemon"],
];

/// A file of the crate and the paths below `crate::` that it names.
struct Source {
    path: PathBuf,
    text: String,
    room: String,
    imports: BTreeSet<String>,
}

fn floor(room: &str) -> usize {
    let found = FLOORS.iter().position(|floor| floor.contains(&room));
    found.unwrap_or_else(|| panic!("room {room} has no floor; give it one in FLOORS"))
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let inner = path.strip_prefix(&root).unwrap().to_owned();
                // lib.rs and main.rs are above all rooms.
                if inner.components().count() > 1 {
                    sources.push(source(&path, inner));
                }
            }
        }
    }
    sources
}

fn source(path: &Path, inner: PathBuf) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let room = inner.components().next().unwrap().as_os_str();
    Source {
        room: room.to_str().unwrap().to_owned(),
        imports: imports(&text),
        path: inner,
        text,
    }
}

/// Paths below `crate::` in imports and expressions of the text.
fn imports(text: &str) -> BTreeSet<String> {
    let below = |path: Vec<String>| match path.as_slice() {
        [first, rest @ ..] if first == "crate" && !rest.is_empty() => Some(rest.join("::")),
        _ => None,
    };
    let written = paths(text).into_iter();
    written.filter_map(|written| below(written.path)).collect()
}

fn room_of(import: &str) -> &str {
    import.split("::").next().unwrap()
}

#[test]
fn rooms_import_lower_floors_only() {
    let mut upward = Vec::new();
    for source in sources() {
        let own = floor(&source.room);
        for import in &source.imports {
            let room = room_of(import);
            if room != source.room && floor(room) >= own {
                upward.push(format!("src/{}: crate::{import}", source.path.display()));
            }
        }
    }
    assert!(upward.is_empty(), "imports that point upward: {upward:#?}");
}

#[test]
fn rooms_do_not_import_each_other_in_circles() {
    let mut arrows = BTreeMap::<String, BTreeSet<String>>::new();
    for source in sources() {
        let rooms = source.imports.iter().map(|import| room_of(import));
        let others = rooms.filter(|room| *room != source.room);
        let arrow = arrows.entry(source.room.clone()).or_default();
        arrow.extend(others.map(str::to_owned));
    }
    // Rooms without imports are removed until only circles remain.
    while let Some(room) = arrows
        .iter()
        .find(|(_, imports)| imports.is_empty())
        .map(|(room, _)| room.clone())
    {
        arrows.remove(&room);
        for imports in arrows.values_mut() {
            imports.remove(&room);
        }
    }
    assert!(arrows.is_empty(), "rooms in a circle: {arrows:#?}");
}

#[test]
fn floors_list_exactly_the_folders_of_src() {
    let folders: BTreeSet<_> = sources().into_iter().map(|source| source.room).collect();
    let rooms: BTreeSet<_> = FLOORS.into_iter().flatten().copied().collect();
    let folders: BTreeSet<_> = folders.iter().map(String::as_str).collect();
    assert_eq!(folders, rooms);
}
