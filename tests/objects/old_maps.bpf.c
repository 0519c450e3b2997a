// Map definitions of libbpf before 1.0: several in one section, one with annotated types.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_map_def {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};

#define BPF_ANNOTATE_KV_PAIR(name, type_key, type_val) \
	struct ____btf_map_##name { type_key key; type_val value; }; \
	struct ____btf_map_##name __attribute__((section(".maps." #name), used)) ____btf_map_##name = {}

struct address {
	__u8 bytes[6];
};

struct bpf_map_def SEC("maps") other_map = {
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = 4,
	.value_size = 8,
	.max_entries = 3,
};

struct bpf_map_def SEC("maps") xdp_map = {
	.type = BPF_MAP_TYPE_HASH,
	.key_size = 6,
	.value_size = 4,
	.max_entries = 1024,
	.map_flags = BPF_F_NO_PREALLOC,
};

BPF_ANNOTATE_KV_PAIR(xdp_map, struct address, __u32);

SEC("xdp_prog1") int xdp_prog(struct xdp_md *ctx)
{
	struct address key = { 0 };
	__u32 index = 1;

	if (bpf_map_lookup_elem(&other_map, &index) && bpf_map_lookup_elem(&xdp_map, &key))
		return XDP_DROP;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
