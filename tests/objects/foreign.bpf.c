// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program of another owner that already occupies the interface. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int other_filter(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
