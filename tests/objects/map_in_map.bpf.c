// Maps of maps: one that the object fills, and one with a definition of its inner map only.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} one SEC(".maps"), another SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, __u32);
	__array(values, struct inner);
} filled SEC(".maps") = {
	.values = { &one, [5] = &another },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u64);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(max_entries, 32);
		__uint(key_size, 2);
		__uint(value_size, 3);
	});
} empty SEC(".maps");

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	__u32 key = 5;
	__u64 long_key = 5;
	void *map = bpf_map_lookup_elem(&filled, &key);

	key = 0;
	if (map && bpf_map_lookup_elem(map, &key) && bpf_map_lookup_elem(&empty, &long_key))
		return XDP_DROP;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
