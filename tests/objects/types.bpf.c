// BTF types of every kind in the value of a map.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

typedef __u32 __be32_like;

enum verdict { PASS, DROP = 7, ASK = -1 };

struct nested {
	const volatile __u8 array[2][3];
	struct nested *next;
};

struct value {
	enum verdict verdict;
	__u32 low : 3;
	__u32 high : 5;
	union {
		struct {
			__be32_like source;
			__u16 port;
		};
		__u8 raw[8];
	};
	struct nested nested;
	int (*callback)(void *);
	float fraction;
	_Bool flag;
	char letter;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __be32_like);
	__type(value, struct value);
} xdp_map SEC(".maps");

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	__be32_like key = 1;

	return bpf_map_lookup_elem(&xdp_map, &key) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
