// Calls a function of the kernel (kfunc).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int bpf_kernel_function(struct xdp_md *ctx) __ksym;

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return bpf_kernel_function(ctx);
}
