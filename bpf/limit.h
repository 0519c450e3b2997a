/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rate limits in packets per second: of a subnet, and of each source in it. */
#ifndef COREXDP_LIMIT_H
#define COREXDP_LIMIT_H

#include "source.h"

#define LIMIT_MAX_RULES 16384 /* prefixes */

struct limit_rule {
	__u32 rate;
	__u32 burst AT_MOST(MAX_BURST);
	__u32 source_rate;
	__u32 source_burst AT_MOST(MAX_BURST);
	__u8 ip4_bits AT_MOST(32);
	__u8 ip6_bits AT_MOST(128);
	__u64 passed;
	__u64 dropped;
	__u64 source_dropped;
	struct bucket bucket;
};

struct limit_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, struct limit_rule);
	__uint(max_entries, LIMIT_MAX_RULES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};

struct source_map sources SEC(".maps");

/*
 * True if the packet is within both limits. Takes a token of both buckets or of
 * neither, so that a source over its own limit uses no tokens of its subnet.
 */
static __always_inline bool limit_admit(struct limit_rule *rule, void *sources,
					const struct packet *packet)
{
	struct bucket_rate source_rate =
		bucket_rate_of(rule->source_rate, rule->source_burst);
	struct bucket_rate subnet_rate =
		bucket_rate_of(rule->rate, rule->burst);
	struct bucket *bucket = NULL;
	__u64 now;

	if ((!rule->rate || tolerates_jiffy(&subnet_rate)) &&
	    (!rule->source_rate || tolerates_jiffy(&source_rate)))
		now = clock_now_coarse();
	else
		now = clock_now();
	if (rule->source_rate) {
		struct address network =
			source_network(packet, rule->ip4_bits, rule->ip6_bits);

		bucket = lookup_source_bucket(sources, &network);
	}
	if (bucket && !bucket_has_token(bucket, &source_rate, now)) {
		__sync_fetch_and_add(&rule->source_dropped, 1);
		return false;
	}
	if (rule->rate && !bucket_has_token(&rule->bucket, &subnet_rate, now)) {
		__sync_fetch_and_add(&rule->dropped, 1);
		return false;
	}
	if (bucket)
		bucket_take_token(bucket, &source_rate, now);
	if (rule->rate)
		bucket_take_token(&rule->bucket, &subnet_rate, now);
	__sync_fetch_and_add(&rule->passed, 1);
	return true;
}

#endif
