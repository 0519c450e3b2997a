// A reference to a variable in an unknown section.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

volatile __u32 number SEC("somewhere") = 3;

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return number;
}
