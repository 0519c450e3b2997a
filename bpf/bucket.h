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
struct bucket_rate {
	__u64 interval;	 /* ticks that one takes */
	__u64 tolerance; /* ticks that all but one take */
};

/* So many packets per second, above 0, and so many at once; 0: as many. */
static __always_inline struct bucket_rate bucket_rate_of(__u32 rate,
							 __u32 burst)
{
	struct bucket_rate bucket_rate = {};

	if (!rate)
		return bucket_rate;
	if (!burst)
		burst = rate;
	if (burst > MAX_BURST)
		burst = MAX_BURST;
	bucket_rate.interval = TICKS_PER_SECOND / rate;
	bucket_rate.tolerance = bucket_rate.interval * (burst - 1);
	return bucket_rate;
}

/* Whether a tick of the timer, 10 ms at most, is little to it. */
static __always_inline bool tolerates_jiffy(const struct bucket_rate *rate)
{
	return rate->tolerance >= TICKS_PER_SECOND / 2;
}

static __always_inline bool bucket_has_token(const struct bucket *bucket,
					     const struct bucket_rate *rate,
					     __u64 now)
{
	__u64 full = *(volatile __u64 *)&bucket->full;

	return full <= now || full - now <= rate->tolerance;
}

static __always_inline void bucket_take_token(struct bucket *bucket,
					      const struct bucket_rate *rate,
					      __u64 now)
{
	if (*(volatile __u64 *)&bucket->full < now)
		*(volatile __u64 *)&bucket->full = now;
	__sync_fetch_and_add(&bucket->full, rate->interval);
}

#endif
