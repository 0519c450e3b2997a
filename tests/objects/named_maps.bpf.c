// Each map in a section with its name, the convention of redbpf and gobpf.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct definition {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};

struct definition SEC("maps/xdp_map") first = { BPF_MAP_TYPE_LRU_HASH, 4, 4, 8, 0 };
struct definition SEC("maps/second") second = { BPF_MAP_TYPE_ARRAY, 4, 16, 2, 0 };

SEC("xdp/filter") int xdp_prog(struct xdp_md *ctx)
{
	__u32 key = 0;

	if (bpf_map_lookup_elem(&first, &key) && bpf_map_lookup_elem(&second, &key))
		return XDP_DROP;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
