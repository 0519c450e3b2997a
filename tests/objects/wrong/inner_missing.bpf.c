// A map of maps without a definition of its inner map.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, 4);
} xdp_map SEC(".maps");

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return bpf_map_delete_elem(&xdp_map, &(__u32){ 0 });
}
