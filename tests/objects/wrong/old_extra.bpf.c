// An old map definition with fields that only one loader knows.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	unsigned int type, key_size, value_size, max_entries, map_flags, id, pinning;
} xdp_map SEC("maps") = { BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0, 0, 2 };

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return bpf_map_delete_elem(&xdp_map, &(__u32){ 0 });
}
