// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
* The program of the examples in the documentation of CoreDNS's ebpf plugin. A
 * map value has 12 bytes: network, mask and count. The program drops IPv4
 * packets whose source is in the network of an entry, and counts the packets in
 * this entry.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef ENTRIES
#define ENTRIES 16
#endif

struct maprec {
	__be32 ip4net;
	__be32 ip4mask;
	/*
	 * The type is the documented one. The program counts in little-endian
	 * order, as `metric` reads it.
	 */
	__be32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
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

	if ((void *)(ip + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	for (__u32 i = 0; i < ENTRIES; i++) {
		__u32 key = i;
		struct maprec *rec = bpf_map_lookup_elem(&xdp_map, &key);

		/* An entry without a mask is empty. */
		if (!rec || !rec->ip4mask)
			continue;
		if ((ip->saddr & rec->ip4mask) == rec->ip4net) {
			__sync_fetch_and_add(&rec->count, 1);
			return XDP_DROP;
		}
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
