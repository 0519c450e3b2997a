// An LPM trie without BPF_F_NO_PREALLOC, which the kernel requires.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(key_size, 8);
	__uint(value_size, 8);
} xdp_map SEC(".maps");

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return bpf_map_delete_elem(&xdp_map, &(__u64){ 0 });
}
