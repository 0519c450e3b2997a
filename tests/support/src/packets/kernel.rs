//! Programs and maps in the kernel, by direct system calls: a bpftool process for each of millions of packets and
//! entries would take too long.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr;

/// Buffer size for a frame that a program has grown.
const ROOM: usize = 4096;

/// The result of one run of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The returned verdict, such as `XDP_DROP`.
    pub verdict: u32,
    /// The frame as the program left it.
    pub frame: Vec<u8>,
}

/// A loaded program.
pub struct Program(pub OwnedFd);

impl Program {
    pub fn pinned(path: &Path) -> Self {
        Self(open(path))
    }

    /// Runs the program on one frame.
    pub fn run(&self, frame: &[u8]) -> Ran {
        let mut out = vec![0; ROOM];
        let (verdict, size, _) = self.test_run(frame, &mut out, 1);
        out.truncate(size);
        Ran {
            verdict,
            frame: out,
        }
    }

    /// Runs the program `times` times. Returns the verdict of the last run, the size of the frame in `out`, and the
    /// mean duration of a run in nanoseconds.
    pub fn test_run(&self, frame: &[u8], out: &mut [u8], times: i32) -> (u32, usize, u32) {
        let mut call = bpf_sys::bpf_prog_test_run_attr {
            prog_fd: self.0.as_raw_fd(),
            repeat: times,
            data_in: frame.as_ptr().cast(),
            data_size_in: u32::try_from(frame.len()).unwrap(),
            data_out: out.as_mut_ptr().cast(),
            data_size_out: u32::try_from(out.len()).unwrap(),
            retval: 0,
            duration: 0,
            ctx_in: ptr::null(),
            ctx_size_in: 0,
            ctx_out: ptr::null_mut(),
            ctx_size_out: 0,
        };
        // SAFETY: `call` points to two slices that outlive the call, with their lengths. The kernel writes at most the
        // length of `out` to `out`.
        let result = unsafe { bpf_sys::bpf_prog_test_run_xattr(&raw mut call) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        (call.retval, call.data_size_out as usize, call.duration)
    }
}

/// A map, and the sizes of its entries.
pub struct Map {
    fd: OwnedFd,
    key: usize,
    /// Size of one CPU's value.
    value: usize,
    /// Number of values of one key.
    cpus: usize,
}

impl Map {
    pub fn pinned(path: &Path) -> Self {
        let fd = open(path);
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap();
        let number = |name: &str| -> usize {
            let line = info.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().parse().unwrap()
        };
        // BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY and BPF_MAP_TYPE_LRU_PERCPU_HASH.
        let per_cpu = [5, 6, 10].contains(&number("map_type:"));
        Self {
            key: number("key_size:"),
            value: number("value_size:"),
            cpus: if per_cpu { cpus() } else { 1 },
            fd,
        }
    }

    pub fn descriptor(&self) -> i32 {
        self.fd.as_raw_fd()
    }

    /// Writes one entry, with the same value for each CPU.
    pub fn fill(&self, key: &[u8], value: &[u8]) {
        assert_eq!((key.len(), value.len()), (self.key, self.value));
        let mut all = Vec::new();
        for _ in 0..self.cpus {
            all.extend(value);
            all.resize(all.len().next_multiple_of(8), 0);
        }
        // SAFETY: key and value have the sizes that the kernel reports for the map; each CPU's value is rounded up to 8
        // bytes.
        let result = unsafe {
            bpf_sys::bpf_map_update_elem(
                self.fd.as_raw_fd(),
                key.as_ptr().cast(),
                all.as_ptr().cast(),
                0,
            )
        };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }

    /// Reads one entry as 8-byte numbers, each summed over all CPUs.
    pub fn numbers(&self, key: &[u8]) -> Option<Vec<u64>> {
        let bytes = self.bytes(key)?;
        let mut sums = vec![0; self.value / 8];
        for words in bytes.chunks(self.value.next_multiple_of(8)) {
            for (sum, word) in sums.iter_mut().zip(words.chunks_exact(8)) {
                *sum += u64::from_le_bytes(word.try_into().unwrap());
            }
        }
        Some(sums)
    }

    fn bytes(&self, key: &[u8]) -> Option<Vec<u8>> {
        assert_eq!(key.len(), self.key);
        let mut value = vec![0; self.value.next_multiple_of(8) * self.cpus];
        // SAFETY: the key has the map's size, and the value has room for all that the kernel copies, as in `fill`.
        let result = unsafe {
            bpf_sys::bpf_map_lookup_elem(
                self.fd.as_raw_fd(),
                key.as_ptr().cast(),
                value.as_mut_ptr().cast(),
            )
        };
        (result == 0).then_some(value)
    }
}

fn open(path: &Path) -> OwnedFd {
    let name = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the name is NUL-terminated and outlives the call.
    let fd = unsafe { bpf_sys::bpf_obj_get(name.as_ptr()) };
    let error = std::io::Error::last_os_error();
    assert!(fd >= 0, "{}: {error}", path.display());
    // SAFETY: the kernel has just opened the descriptor, and nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// The number of possible CPUs, which is the number of values in a per-CPU map.
fn cpus() -> usize {
    let list = fs::read_to_string("/sys/devices/system/cpu/possible").unwrap();
    let highest = list.trim().rsplit(['-', ',']).next().unwrap();
    highest.parse::<usize>().unwrap() + 1
}
