/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * State that all sources share: the keys of the source tables, and token
 * buckets.
 */
#ifndef COREXDP_POOLS_H
#define COREXDP_POOLS_H

#include "source.h"

struct pools {
	struct source_keys keys;
	__u64 unused[2]; /* the buckets are in the next cache line */
	struct bucket sources; /* new sources */
	struct bucket answers; /* responses that the program sends */
	struct bucket lookups; /* of TCP sockets */
	struct bucket syns;    /* TCP handshakes */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct pools);
	__uint(max_entries, 1);
} pools SEC(".maps");

/* NULL never happens, but the verifier does not know. */
static __always_inline struct pools *find_pools(void)
{
	__u32 key = 0;
	struct pools *found = bpf_map_lookup_elem(&pools, &key);

	if (found)
		source_keys_draw(&found->keys);
	return found;
}

/* Takes a token; false if the bucket is empty. A rate of 0 is no limit. */
static __always_inline bool pool_admit(struct bucket *bucket,
				       const struct rate *rate)
{
	struct bucket_rate bucket_rate;

	if (!rate->rate)
		return true;
	bucket_rate = bucket_rate_of(rate->rate, rate->burst);
	return bucket_admit(bucket, &bucket_rate);
}

#endif
