// Two functions that call each other.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __attribute__((noinline)) int odd(int x);

static __attribute__((noinline)) int even(int x)
{
	return x ? odd(x - 1) + 3 : 1;
}

static __attribute__((noinline)) int odd(int x)
{
	return x ? even(x - 1) * 5 : 0;
}

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return even(ctx->rx_queue_index);
}
