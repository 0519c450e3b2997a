// A map with two different sizes of its key.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, 8);
	__type(key, __u32);
	__type(value, __u32);
} xdp_map SEC(".maps");

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return bpf_map_delete_elem(&xdp_map, &(__u64){ 0 });
}
