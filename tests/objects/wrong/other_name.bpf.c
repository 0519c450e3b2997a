// Two XDP functions, neither with the expected name.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp") int first(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp.frags") int second(struct xdp_md *ctx)
{
	return XDP_PASS;
}
