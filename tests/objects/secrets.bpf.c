// Maps with secrets, and the offset of the wall clock.
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct peer {
	__u32 packets;
	__u16 secret_port;
	__u8 weight;
	__u8 unused;
	__u8 secret[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct peer);
} xdp_map SEC(".maps");

struct key {
	__u8 key[16];
	__u32 id;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct key);
} secrets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64);
} wall_clock SEC(".maps");

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	__u32 index = 0;

	if (!bpf_map_lookup_elem(&secrets, &index) || !bpf_map_lookup_elem(&wall_clock, &index))
		return XDP_ABORTED;
	return bpf_map_lookup_elem(&xdp_map, &index) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
