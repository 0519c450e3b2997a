// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A per-CPU array whose value size is not a multiple of 8 bytes. Counts UDP
 * packets over IPv4 in the first entry whose network contains their source; an
 * empty entry contains every source. Passes everything.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ENTRIES 16

struct maprec {
	__be32 ip4net;
	__be32 ip4mask;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct maprec);
	__uint(max_entries, ENTRIES);
} xdp_map SEC(".maps");

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if ((void *)(ip + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	for (__u32 i = 0; i < ENTRIES; i++) {
		__u32 key = i;
		struct maprec *rec = bpf_map_lookup_elem(&xdp_map, &key);

		if (rec && (ip->saddr & rec->ip4mask) == rec->ip4net) {
			rec->count++;
			break;
		}
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
