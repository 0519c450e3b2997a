//! Layers of the files of a room: types and state below, the steps that use them above.
//!
//! A folder and its parts may name each other: the head of a folder lists its parts, and they use what it defines.
//! A name that a folder re-exports counts as an import of the file that defines the name. Tests are exempt.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::paths::{Written, paths, without_tests};

/// A path of modules below `crate`.
type Module = Vec<String>;

/// A file, and the paths of its text.
struct File {
    path: PathBuf,
    written: BTreeSet<Written>,
}

/// Files by the modules that they contain.
struct Files(BTreeMap<Module, File>);

impl Files {
    fn new<'a>(texts: impl Iterator<Item = (&'a Path, &'a str)>) -> Self {
        let files = texts.filter_map(|(path, text)| {
            let mut module: Module = path
                .with_extension("")
                .iter()
                .map(|part| part.to_str().unwrap().to_owned())
                .collect();
            if module.iter().any(|part| part == "tests") {
                return None;
            }
            module.pop_if(|last| last == "mod");
            let (path, written) = (path.to_owned(), paths(without_tests(text)));
            Some((module, File { path, written }))
        });
        Self(files.collect())
    }

    /// The path below `crate` that `module` writes as `written`; `None` for a path of another crate.
    fn absolute(&self, module: &Module, written: &Written) -> Option<Module> {
        let mut from = module.clone();
        let mut rest = written.path.as_slice();
        match rest {
            [first, after @ ..] if first == "crate" => {
                from.clear();
                rest = after;
            }
            [first, after @ ..] if first == "self" => rest = after,
            [first, ..] if first == "super" => {
                while let [first, after @ ..] = rest
                    && first == "super"
                {
                    from.pop();
                    rest = after;
                }
            }
            [first, ..] => {
                from.push(first.clone());
                if !self.0.contains_key(&from) {
                    return None;
                }
                rest = &rest[1..];
            }
            [] => {}
        }
        from.extend_from_slice(rest);
        Some(from)
    }

    /// The module whose file defines the end of `path`, through any re-exports.
    fn defining(&self, mut path: Module) -> Option<Module> {
        // A re-export of a re-export of … ends sooner.
        for _ in 0..8 {
            let lengths = (1..=path.len()).rev();
            let length = lengths
                .into_iter()
                .find(|length| self.0.contains_key(&path[..*length]))?;
            let module = path[..length].to_vec();
            let name = path.get(length);
            let mut uses = self.0[&module].written.iter();
            let Some(through) = uses.find(|written| written.is_use && Some(&written.name) == name)
            else {
                return Some(module);
            };
            let Some(mut next) = self.absolute(&module, through) else {
                return Some(module);
            };
            next.extend_from_slice(&path[length + 1..]);
            path = next;
        }
        None
    }

    /// The modules that a module imports, without the folders around it and its own parts.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let written = self.0[module].written.iter();
        written
            .filter_map(|written| self.defining(self.absolute(module, written)?))
            .filter(|other| !module.starts_with(other) && !other.starts_with(module))
            .collect()
    }

    /// Every circle, as the sorted names of its files.
    fn circles(&self) -> BTreeSet<Vec<&Path>> {
        let imports: BTreeMap<_, _> = self
            .0
            .keys()
            .map(|module| (module, self.imports(module)))
            .collect();
        let reachable = |from: &Module| {
            let (mut seen, mut left) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(module) = left.pop() {
                for next in &imports[&module] {
                    if seen.insert(next.clone()) {
                        left.push(next.clone());
                    }
                }
            }
            seen
        };
        let reachable: BTreeMap<_, _> = self
            .0
            .keys()
            .map(|module| (module, reachable(module)))
            .collect();
        let circles = reachable
            .iter()
            .filter(|(module, reached)| reached.contains(**module));
        circles
            .map(|(module, reached)| {
                let back = reached
                    .iter()
                    .filter(|other| reachable[*other].contains(*module));
                back.map(|other| self.0[other].path.as_path()).collect()
            })
            .collect()
    }
}

#[test]
fn files_do_not_import_each_other_in_circles() {
    let sources = crate::sources();
    let texts = sources.iter();
    let files = Files::new(texts.map(|source| (source.path.as_path(), source.text.as_str())));
    let circles = files.circles();
    assert!(
        circles.is_empty(),
        "files in a circle; move the type or function that they share to a file below them: {circles:#?}"
    );
}

#[test]
fn circle_through_a_reexport_is_named() {
    let texts = [
        ("room/mod.rs", "pub use low::Low;\nuse step::go;\n"),
        ("room/low.rs", "use super::step::go;\n"),
        ("room/step.rs", "use super::Low;\nuse super::deep::Deep;\n"),
        ("room/deep/mod.rs", "mod part;\npub use self::part::Deep;\n"),
        ("room/deep/part.rs", "fn f() { super::super::low::g(); }\n"),
        (
            "room/user.rs",
            "use super::low::Low;\n#[cfg(test)]\nmod tests {\n}\n",
        ),
        (
            "room/last.rs",
            "#[cfg(test)]\nmod tests {\n    use super::super::user;\n}\n",
        ),
        ("room/tests.rs", "use super::low::Low;\n"),
    ];
    let files = Files::new(texts.iter().map(|(path, text)| (Path::new(*path), *text)));
    let circle = ["room/deep/part.rs", "room/low.rs", "room/step.rs"].map(Path::new);
    assert_eq!(files.circles().into_iter().collect::<Vec<_>>(), [circle]);
}
