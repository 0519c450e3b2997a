// The entry is in a section of another program type.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc") int xdp_prog(struct __sk_buff *ctx)
{
	return 0;
}
