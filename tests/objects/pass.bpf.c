/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The empty program, to measure the minimum cost of a run. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
