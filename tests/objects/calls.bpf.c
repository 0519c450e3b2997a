// Calls of static, global and weak functions: in .text, in other sections, and repeated.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __attribute__((noinline)) int deep(int x)
{
	return x * 3 + 1;
}

static __attribute__((noinline)) int twice(int x)
{
	return deep(x) + deep(x + 2);
}

__attribute__((noinline)) int global(struct xdp_md *ctx)
{
	return twice(ctx->rx_queue_index);
}

__attribute__((noinline, weak)) int weak(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex & 7;
}

SEC("other") __attribute__((noinline)) int elsewhere(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex & 3;
}

SEC("xdp") int not_the_entry(struct xdp_md *ctx)
{
	return global(ctx) ? XDP_DROP : XDP_PASS;
}

// In the section of its caller, so that the call needs no relocation.
SEC("xdp") static __attribute__((noinline)) int neighbour(int x)
{
	return deep(x) ^ 5;
}

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	int sum = global(ctx) + elsewhere(ctx) + weak(ctx);

	sum += neighbour(ctx->rx_queue_index) + twice(sum) + elsewhere(ctx);
	return sum == 77 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
