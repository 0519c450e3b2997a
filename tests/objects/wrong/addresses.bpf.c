// Data that contains addresses.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static volatile int one = 1, two = 2;
static volatile int *volatile both[2] = { &one, &two };

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return *both[ctx->rx_queue_index & 1];
}
