// A callback: a function whose address is passed to bpf_loop (Linux 5.17).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sum {
	__u64 total;
};

static int add(__u32 index, void *context)
{
	struct sum *sum = context;

	sum->total += index;
	return 0;
}

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	struct sum sum = { 0 };

	bpf_loop(10, add, &sum, 0);
	return sum.total == 45 ? XDP_PASS : XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
