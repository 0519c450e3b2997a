// Keys and values of every type that an `entry` line can set.
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

enum verdict { VERDICT_PASS, VERDICT_DROP = 7, VERDICT_ASK = -1 };

struct net {
	__be32 addr;
	__u8 prefix;
};

struct slot {
	__be16 port;
	__u8 weight;
};

struct rule {
	enum verdict verdict;
	struct net net;
	union {
		__be32 ip4;
		__u8 ip6[16];
	};
	struct slot slot[3];
	__u8 mac[6];
	char label[8];
	__u32 low : 3;
	__u32 high : 5;
	_Bool on;
	__s8 tiny;
	__s16 delta;
	__be64 stamp;
	__u64 packets;
	__u16 grid[2][3];
	void *pointer;
	float fraction;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct rule);
} xdp_map SEC(".maps");

struct trie_key {
	__u32 prefixlen;
	__u8 addr[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16);
	__type(key, struct trie_key);
	__type(value, __u64);
} networks SEC(".maps");

struct trie_key6 {
	__u32 prefixlen;
	__be32 addr[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16);
	__type(key, struct trie_key6);
	__type(value, __u32);
} networks6 SEC(".maps");

struct counters {
	__u64 packets;
	__u32 bytes;
	__s32 balance;
	__be32 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct counters);
} per_cpu SEC(".maps");

struct pair {
	__be32 addr;
	__be16 port;
	__u16 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__type(key, struct pair);
	__type(value, __u32[2]);
} pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(key_size, 6);
	__uint(value_size, 4);
} typeless SEC(".maps");

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	struct trie_key key = { .prefixlen = 32 };
	struct trie_key6 key6 = { .prefixlen = 128 };
	struct pair pair = {};
	__u32 index = 0;

	if (bpf_map_lookup_elem(&networks, &key) || bpf_map_lookup_elem(&networks6, &key6))
		return XDP_DROP;
	if (bpf_map_lookup_elem(&pairs, &pair) || bpf_map_lookup_elem(&typeless, &pair))
		return XDP_DROP;
	/* Counts nothing: packets of the kernel, such as neighbour discovery, would be counted too. */
	if (!bpf_map_lookup_elem(&per_cpu, &index))
		return XDP_ABORTED;
	return bpf_map_lookup_elem(&xdp_map, &index) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
