//! Digests of files and folders.

use super::*;

/// A folder for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn only_changed_content_names_and_existence_count() {
    let folder = Folder::new("sources");
    let path = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let long = "x".repeat(3 * CHUNK);
    fs::write(path("one"), &long).unwrap();
    let mut sources = Sources::default();
    assert_eq!(
        sources.read(&path("one"), 1 << 20).unwrap(),
        long.as_bytes()
    );
    sources.read(&path("two"), 1 << 20).unwrap_err();
    assert_eq!(sources.list(folder.0.to_str().unwrap()).unwrap(), ["one"]);
    assert!(!sources.exists(&path("three")));
    assert!(!sources.have_changed());
    // Writing the same content again is not a change.
    fs::write(path("one"), &long).unwrap();
    assert!(!sources.have_changed());
    for change in ["one", "two", "three", "another"] {
        let before = fs::read(path(change)).ok();
        fs::write(path(change), "changed").unwrap();
        assert!(sources.have_changed(), "{change}");
        match before {
            Some(before) => fs::write(path(change), before).unwrap(),
            None => fs::remove_file(path(change)).unwrap(),
        }
        assert!(!sources.have_changed(), "{change} is as before");
    }
}

#[test]
fn unreadable_file_has_not_changed() {
    let folder = Folder::new("unreadable");
    let path = folder.0.to_str().unwrap().to_owned();
    let mut sources = Sources::default();
    sources.read(&path, 1 << 20).unwrap_err();
    // The file is larger than the limit of the read.
    fs::write(folder.0.join("long"), "x".repeat(100)).unwrap();
    let long = folder.0.join("long");
    sources.content(&long, 10).unwrap_err();
    assert!(!sources.have_changed());
}

#[test]
fn list_is_read_again_only_after_a_change() {
    let folder = Folder::new("list");
    let path = folder.0.join("list");
    let text = "x".repeat(3 * CHUNK + 1);
    fs::write(&path, &text).unwrap();
    let mut sources = Sources::default();
    let mut read = Vec::new();
    sources
        .stream(&path, 1 << 20, &mut |bytes| read.extend_from_slice(bytes))
        .unwrap();
    assert_eq!(read, text.as_bytes());
    let stamped = |sources: &Sources| sources.0[0].stamp.get().is_some();
    assert!(!sources.have_changed());
    // The file is too new for a stamp.
    for _ in 0..100 {
        if stamped(&sources) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!sources.have_changed());
    }
    assert!(stamped(&sources));
    assert!(!sources.have_changed());
    let changed = text.replace("xx", "xy");
    fs::write(&path, &changed).unwrap();
    assert!(sources.have_changed());
    fs::write(&path, &text).unwrap();
    assert!(!sources.have_changed());
    fs::remove_file(&path).unwrap();
    assert!(sources.have_changed());
}

#[test]
fn missing_and_large_lists_are_dependencies_too() {
    let folder = Folder::new("no-list");
    let path = folder.0.join("list");
    let mut sources = Sources::default();
    let error = |sources: &mut Sources, limit| {
        let read = sources.stream(&path, limit, &mut |_| {});
        read.unwrap_err().kind()
    };
    assert_eq!(error(&mut sources, 10), io::ErrorKind::NotFound);
    assert!(!sources.have_changed());
    fs::write(&path, "x".repeat(11)).unwrap();
    assert!(sources.have_changed());
    let mut sources = Sources::default();
    assert_eq!(error(&mut sources, 10), io::ErrorKind::FileTooLarge);
    assert!(!sources.have_changed());
}
