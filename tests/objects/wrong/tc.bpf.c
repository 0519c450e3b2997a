// The entry stands in a section for another kind of program.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc") int xdp_prog(struct __sk_buff *ctx)
{
	return 0;
}
