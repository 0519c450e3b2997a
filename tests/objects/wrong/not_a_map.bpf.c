// A variable in .maps that is not a map.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int xdp_map SEC(".maps") = 3;

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return xdp_map;
}
