// Takes the address of a variable of the kernel (__ksym).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern const int bpf_prog_active __ksym;

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return (long)&bpf_prog_active == ctx->data;
}
