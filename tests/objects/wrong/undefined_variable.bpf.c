// Reads a variable that no one defines.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int nowhere;

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return nowhere;
}
