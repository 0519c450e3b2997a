// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Settings in constants, and counters of IPv4 packets in global variables. */
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

const volatile enum xdp_action verdict = XDP_PASS;
const volatile __u32 step = 1;
volatile __u64 packets;
volatile __u64 weight = 100;

/* Larger than a page, so rounded up to two pages. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 5000);
} events SEC(".maps");

/* The name of a variable inside a function has a dot. */
static __always_inline __u64 number(void)
{
	static volatile __u64 numbered = 40;

	return numbered++;
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	__sync_fetch_and_add(&packets, step);
	weight += step;
	number();
	bpf_ringbuf_output(&events, (void *)&weight, sizeof(weight), 0);
	return verdict;
}

char _license[] SEC("license") = "Dual BSD/GPL";
