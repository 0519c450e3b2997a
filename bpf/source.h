/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A token bucket for each source network, in a map of bounded size. */
#ifndef COREXDP_SOURCE_H
#define COREXDP_SOURCE_H

#include "bucket.h"
#include "prefix.h"

/* The map takes 3 MB. A full map evicts the least recently used source. */
#define MAX_SOURCES 32768

struct source_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct address);
	__type(value, struct bucket);
	__uint(max_entries, MAX_SOURCES);
};

/* Default prefix lengths of a source network. */
#define SOURCE_IP4_BITS 24
#define SOURCE_IP6_BITS 56

/* Returns the source network of a packet; 0 bits: the default length. */
static __always_inline struct address
source_network(const struct packet *packet, __u8 ip4_bits, __u8 ip6_bits)
{
	struct address address = source_address(packet);

	if (packet->version == 6)
		return mask_address(address,
				    ip6_bits ? ip6_bits : SOURCE_IP6_BITS);
	if (!ip4_bits)
		ip4_bits = SOURCE_IP4_BITS;
	address.word[3] &= bpf_htonl(prefix_mask(ip4_bits));
	return address;
}

/*
 * The bucket of a network; a new network gets a full bucket. NULL if the map
 * has no room.
 */
static __always_inline struct bucket *
lookup_source_bucket(void *sources, struct address *network)
{
	struct bucket *bucket = bpf_map_lookup_elem(sources, network);
	struct bucket fresh = {};

	if (bucket)
		return bucket;
	bpf_map_update_elem(sources, network, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(sources, network);
}

#endif
