//! corexdp
fn main() { let _ = redbpf::Module::parse(&[]); unsafe{bpf_sys::bpf_map_freeze(0);} }
