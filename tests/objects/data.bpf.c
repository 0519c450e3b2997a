// Variables in every data section, relocated by their own symbol or by that of the section.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 limit = 0x11223344;
const volatile __u32 mask = 0x55667788;
volatile __u64 seen = 7;
static volatile __u32 hidden = 0xaabbccdd;
volatile __u32 zeroed[4];
volatile __u32 own SEC(".data.own") = 9;
volatile __u32 unused SEC(".data.unused") = 9;

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	static const char format[] = "over %u\n";

	seen += 1;
	hidden ^= 1;
	zeroed[3] = mask;
	own += 1;
	if (ctx->rx_queue_index > limit)
		bpf_trace_printk(format, sizeof(format), limit);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
