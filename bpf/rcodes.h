/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The map `rcodes`: counts the responses that arrive, by RCODE. */
#ifndef COREXDP_RCODES_H
#define COREXDP_RCODES_H

#include "dns.h"

#define DNS_RCODES 16

struct rcode {
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct rcode);
	__uint(max_entries, DNS_RCODES);
} rcodes SEC(".maps");

static __always_inline void count_response(const struct packet *packet,
					   void *data_end)
{
	struct cursor cursor = { .pos = packet->transport,
				 .data_end = data_end };
	struct udphdr *udp = cursor_pull(&cursor, sizeof(*udp));
	struct dns_header *dns = cursor_pull(&cursor, sizeof(*dns));
	struct rcode *rcode;
	__u32 key;

	if (!udp || !dns || !(dns->flags_high & DNS_QR))
		return;
	key = dns->flags_low & DNS_RCODE_MASK;
	rcode = bpf_map_lookup_elem(&rcodes, &key);
	if (rcode)
		rcode->packets++;
}

#endif
