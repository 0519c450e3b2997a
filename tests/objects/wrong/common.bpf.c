// Reads a common symbol (-fcommon): declared, but in no section.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int undecided;

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return undecided;
}
