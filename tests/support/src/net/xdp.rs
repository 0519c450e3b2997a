//! Attached programs and map entries as iproute2 and bpftool show them: a check that does not rely on corexdp.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;

use serde_json::Value;

use super::Namespace;
use super::namespace::succeed;

/// `XDP_ATTACHED_DRV` of `linux/if_link.h`.
pub const NATIVE: u64 = 1;
/// `XDP_ATTACHED_SKB`.
pub const GENERIC: u64 = 2;

/// An XDP program attached to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    pub id: u64,
    pub name: String,
    /// [`NATIVE`] or [`GENERIC`].
    pub mode: u64,
}

impl Attached {
    /// The program attached to `interface`, if any.
    pub fn on(namespace: &Namespace, interface: &str) -> Option<Self> {
        let links = json(&namespace.run(&format!("ip -j -d link show dev {interface}")));
        let xdp = links[0].get("xdp")?;
        Some(Self {
            id: xdp["prog"]["id"]
                .as_u64()
                .unwrap_or_else(|| panic!("{xdp}")),
            name: xdp["prog"]["name"].as_str().unwrap_or_default().to_owned(),
            mode: xdp["mode"].as_u64().unwrap(),
        })
    }

    /// The program's map of this name. The kernel truncates names to 15 bytes.
    pub fn map(&self, name: &str) -> Map {
        let program = bpftool(&format!("prog show id {}", self.id));
        let ids = program["map_ids"]
            .as_array()
            .unwrap_or_else(|| panic!("no maps: {program}"));
        let maps = ids.iter().map(|id| bpftool(&format!("map show id {id}")));
        let map = maps.into_iter().find(|map| map["name"] == name).unwrap();
        Map {
            id: map["id"].as_u64().unwrap(),
            shape: map,
        }
    }
}

/// Detaches the link of a program, as `bpftool link detach` does.
pub fn detach_link(program: &Attached) {
    bpftool(&format!("link detach id {}", link_of(program)));
}

/// Opens the link of a program, as a process does that lists all links.
pub fn open_link(program: &Attached) -> OwnedFd {
    let id = u32::try_from(link_of(program)).unwrap();
    // SAFETY: the call takes an integer.
    let link = unsafe { bpf_sys::bpf_link_get_fd_by_id(id) };
    assert!(link >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just opened the descriptor, and nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(link) }
}

/// Replaces the program of a link: the link of `program` then runs `other`.
pub fn put_into_link(program: &Attached, other: &Attached) {
    let (link, other) = (link_of(program), u32::try_from(other.id).unwrap());
    // SAFETY: the calls take integers; the descriptors that they return are owned at once.
    let opened = unsafe {
        let link = bpf_sys::bpf_link_get_fd_by_id(u32::try_from(link).unwrap());
        [link, bpf_sys::bpf_prog_get_fd_by_id(other)]
    };
    let [link, other] = opened.map(|fd| {
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the kernel has just opened the descriptor, and nothing else owns it.
        unsafe { OwnedFd::from_raw_fd(fd) }
    });
    // SAFETY: both descriptors are open, and the options may be null.
    let done =
        unsafe { bpf_sys::bpf_link_update(link.as_raw_fd(), other.as_raw_fd(), std::ptr::null()) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

/// The id of the link that attaches a program.
fn link_of(program: &Attached) -> u64 {
    let links = bpftool("link show");
    let mut links = links.as_array().unwrap().iter();
    let link = links.find(|link| link["prog_id"] == program.id);
    link.unwrap_or_else(|| panic!("{program:?} has no link"))["id"]
        .as_u64()
        .unwrap()
}

/// A map in the kernel.
#[derive(Debug)]
pub struct Map {
    id: u64,
    /// The output of `bpftool map show`.
    pub shape: Value,
}

impl Map {
    /// The entries, as `bpftool map dump` shows them.
    pub fn dump(&self) -> Vec<Value> {
        let dump = bpftool(&format!("map dump id {}", self.id));
        dump.as_array().unwrap_or_else(|| panic!("{dump}")).clone()
    }

    /// The number of entries. The entries are not parsed, so there may be many.
    pub fn count(&self) -> usize {
        let dump = run(&format!("map dump id {}", self.id));
        dump.matches("\"key\":[").count()
    }

    /// Keys and values in upper-case hexadecimal, without entries whose value is all zero.
    pub fn entries(&self) -> Vec<(String, String)> {
        let entries = self
            .dump()
            .into_iter()
            .map(|entry| (hex(&entry["key"]), hex(&entry["value"])));
        entries
            .filter(|(_, value)| value.contains(|digit| digit != '0'))
            .collect()
    }

    /// Changes an entry from outside corexdp. `key` and `value` have the syntax of bpftool.
    pub fn update(&self, key: &str, value: &str) {
        bpftool(&format!(
            "map update id {} key hex {key} value hex {value}",
            self.id
        ));
    }

    /// Deletes an entry from outside corexdp. `key` has the syntax of bpftool.
    pub fn delete(&self, key: &str) {
        bpftool(&format!("map delete id {} key hex {key}", self.id));
    }
}

fn bpftool(words: &str) -> Value {
    json(&run(words))
}

fn run(words: &str) -> String {
    let output = Command::new("bpftool")
        .arg("-j")
        .args(words.split(' '))
        .output();
    succeed(
        &format!("bpftool -j {words}"),
        &output.expect("bpftool runs"),
    )
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn hex(bytes: &Value) -> String {
    let bytes = bytes.as_array().unwrap_or_else(|| panic!("{bytes}"));
    let digits = bytes
        .iter()
        .map(|byte| byte.as_str().unwrap().trim_start_matches("0x"));
    digits.map(str::to_uppercase).collect()
}
