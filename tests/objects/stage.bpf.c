/* Drops IPv4 packets whose source address ends with the byte `drops` of the map, and counts the packets it meets. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#ifndef SECTION
#define SECTION "xdp"
#endif

/* In an Ethernet frame with an IPv4 packet. */
#define SOURCE_END 30

struct stage {
	__u32 drops;
	__u32 met;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stage);
} xdp_map SEC(".maps");

#ifdef CALLS
static __attribute__((noinline)) int last_byte(const void *data, const void *data_end)
#else
static __always_inline int last_byte(const void *data, const void *data_end)
#endif
{
	const unsigned char *bytes = data;

	return data + SOURCE_END <= data_end ? bytes[SOURCE_END - 1] : -1;
}

SEC(SECTION)
int xdp_prog(struct xdp_md *ctx)
{
	const void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 key = 0;
	struct stage *stage = bpf_map_lookup_elem(&xdp_map, &key);

	if (!stage)
		return XDP_ABORTED;
	__sync_fetch_and_add(&stage->met, 1);
	return last_byte(data, data_end) == (int)stage->drops ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
