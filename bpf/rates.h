/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rates of the networks that a source belongs to, each with its own bucket.
 *
 *    address   the single address
 *    link      the /64 of an IPv6 address
 *    network   /24 or /56, or the prefix lengths of the rule
 *    site      /16 or /48
 *
 * A packet takes a token of each, the longest prefix first, and is over the
 * rate at the first empty bucket. A rate of 0 is no limit, and takes no time.
 *
 * A new network takes a token of a pool that all new networks share. So forged
 * sources get no more than the rate of the pool together, and replace no more
 * networks of the table.
 */
#ifndef COREXDP_RATES_H
#define COREXDP_RATES_H

#include "pools.h"
#include "source.h"

#define SITE_IP4_BITS 16
#define SITE_IP6_BITS 48
#define LINK_IP6_BITS 64

SOURCE_TABLE(sources, SOURCE_SETS);

struct source_rates {
	struct rate address;
	struct rate link;
	struct rate network;
	struct rate site;
	enum source_kind network_kind;
	__u8 ip4_bits; /* of a network; 0: the default */
	__u8 ip6_bits;
};

/* The pool of new networks, and its counters. */
struct source_pool {
	struct pools *pools;
	struct rate rate;
	__u64 *admitted;
	__u64 *limited;
};

static __always_inline bool
source_pool_admit(const struct source_pool *pool)
{
	if (!pool_admit(&pool->pools->sources, &pool->rate)) {
		++*pool->limited;
		return false;
	}
	++*pool->admitted;
	return true;
}

/* Takes a token of the network with this tag. */
static __always_inline bool level_admit(__u64 tag,
					const struct rate *rate,
					const struct source_pool *pool)
{
	struct bucket_rate bucket_rate;
	struct source source;

	if (!source_find(&sources, sources_entries, tag, &source))
		return true;
	if (source_is_new(&source)) {
		if (!source_pool_admit(pool))
			return false;
		source_claim(&source);
	} else {
		source_keep(&source);
	}
	bucket_rate = bucket_rate_of(rate->rate, rate->burst);
	return bucket_admit(&source.way->bucket, &bucket_rate);
}

/* Takes a token of each network of the source; false at an empty bucket. */
static __always_inline bool sources_admit(const struct packet *packet,
					  const struct source_rates *rates,
					  const struct source_pool *pool)
{
	const struct source_keys *keys = &pool->pools->keys;

	if (rates->address.rate &&
	    !level_admit(source_tag(keys, packet, SOURCE_ADDRESS, 32,
				    ADDRESS_BITS),
			 &rates->address, pool))
		return false;
	if (rates->link.rate && packet->version == 6 &&
	    !level_admit(source_tag(keys, packet, SOURCE_LINK, 32,
				    LINK_IP6_BITS),
			 &rates->link, pool))
		return false;
	if (rates->network.rate &&
	    !level_admit(source_tag(keys, packet, rates->network_kind,
				    rates->ip4_bits, rates->ip6_bits),
			 &rates->network, pool))
		return false;
	return !rates->site.rate ||
	       level_admit(source_tag(keys, packet, SOURCE_SITE, SITE_IP4_BITS,
				      SITE_IP6_BITS),
			   &rates->site, pool);
}

#endif
