/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Token buckets that many CPUs share without a lock.
 *
 * A bucket is one number: the time at which it will be full again, in sixteenths
 * of a nanosecond since boot. Each packet that passes puts that off by what one
 * token takes to drip in; how far off it is says how many tokens are left. A
 * bucket that was left alone, for however long, is full since then and no more.
 *
 * What can go wrong between CPUs is small, and in the packet's favour. Between
 * looking and taking, each other CPU may take the same last token: it is owed
 * then, as the taking adds up. And what is taken while another CPU finds the
 * bucket full may be forgotten: one packet of each other CPU, once. Kernels
 * before 5.12 have no compare-and-swap for us, which would avoid both.
 *
 * A deep bucket goes by a rough clock: tokens drip in once per tick of the
 * kernel's timer, and a burst after a pause may have those of one tick more. That
 * is a fiftieth of it at most, and on the average nothing.
 */
#ifndef COREXDP_BUCKET_H
#define COREXDP_BUCKET_H

#include "clock.h"
#include "packet.h"

/* Keeps the depth of a bucket within 64 bits, at one packet per second too. */
#define MAX_BURST (1U << 28)

struct bucket {
	__u64 full; /* when it is */
};

/* How a bucket drips. */
struct flow {
	__u64 token; /* ticks that one takes */
	__u64 depth; /* ticks that all but one take */
};

/* So many packets per second, above 0, and so many at once; 0: as many. */
static __always_inline struct flow flow_of(__u32 rate, __u32 burst)
{
	struct flow flow = {};

	if (!rate)
		return flow;
	if (!burst)
		burst = rate;
	if (burst > MAX_BURST)
		burst = MAX_BURST;
	flow.token = TICKS_PER_SECOND / rate;
	flow.depth = flow.token * (burst - 1);
	return flow;
}

/* Whether a tick of the timer, 10 ms at most, is little to it. */
static __always_inline bool flow_is_deep(const struct flow *flow)
{
	return flow->depth >= TICKS_PER_SECOND / 2;
}

static __always_inline bool bucket_has_token(const struct bucket *bucket,
					     const struct flow *flow, __u64 now)
{
	__u64 full = *(volatile __u64 *)&bucket->full;

	return full <= now || full - now <= flow->depth;
}

static __always_inline void bucket_take(struct bucket *bucket,
					const struct flow *flow, __u64 now)
{
	if (*(volatile __u64 *)&bucket->full < now)
		*(volatile __u64 *)&bucket->full = now;
	__sync_fetch_and_add(&bucket->full, flow->token);
}

#endif
