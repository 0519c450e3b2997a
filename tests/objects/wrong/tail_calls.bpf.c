// A program array with an initial value.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int target(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int(struct xdp_md *));
} tails SEC(".maps") = {
	.values = { [1] = &target },
};

SEC("xdp") int target(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &tails, 1);
	return XDP_PASS;
}
