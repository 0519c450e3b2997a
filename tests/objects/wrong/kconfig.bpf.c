// Reads a variable of the kernel configuration (__kconfig).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int CONFIG_HZ __kconfig;

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return CONFIG_HZ == 250 ? XDP_PASS : XDP_DROP;
}
