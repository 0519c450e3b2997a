// Calls a function that no one defines.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int nowhere(struct xdp_md *ctx);

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return nowhere(ctx);
}
