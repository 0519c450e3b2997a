/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Token buckets that all CPUs share without a lock.
 *
 * The algorithm is the generic cell rate algorithm (ITU-T I.371). A bucket is
 * one number: the time at which it will be full again, in ticks since boot (see
 * clock.h). Each packet that passes moves this time forward by the interval of
 * one token. The distance from now to this time gives the number of tokens
 * left. A bucket that was idle for any time is full, and holds no more than its
 * burst.
 *
 * Races between CPUs are rare and favour the packet:
 *
 *   - Between check and take, every other CPU may take the same last token.
 *     Takes add up, so the bucket owes these tokens.
 *   - A take may be lost while another CPU finds the bucket full: one packet of
 *     each other CPU, once.
 *
 * An atomic compare-and-exchange would avoid both. BPF has it since Linux 5.12.
 *
 * A bucket with a large burst uses the coarse clock: tokens arrive once per
 * jiffy, and a burst after a pause may exceed its size by the tokens of one
 * jiffy. This is a fiftieth of the burst at most. The average rate is exact.
 */
#ifndef COREXDP_BUCKET_H
#define COREXDP_BUCKET_H

#include "clock.h"
#include "limits.h"
#include "packet.h"

/* Keeps the tolerance within 64 bits at one packet per second. */
#define MAX_BURST 268435456

struct bucket {
	__u64 full; /* time at which the bucket is full again */
};

/* Packets per second, and packets of a burst. */
struct rate {
	__u32 rate;
	__u32 burst;
};

/* A rate limit in ticks of clock.h. */
struct bucket_rate {
	__u64 interval;  /* between two tokens */
	__u64 tolerance; /* intervals of a burst, less one */
};

/*
 * `rate` is in packets per second, `burst` in packets; a burst of 0 stands for
 * `rate` packets. A rate of 0 returns zeros, and the caller uses no bucket.
 */
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

/* True if an error of one jiffy, 10 ms at most, is small beside the burst. */
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

/* The time by the clock that is exact enough for the rate. */
static __always_inline __u64 bucket_now(const struct bucket_rate *rate)
{
	return tolerates_jiffy(rate) ? clock_now_coarse() : clock_now();
}

/* Takes a token; false if the bucket is empty. */
static __always_inline bool bucket_admit(struct bucket *bucket,
					 const struct bucket_rate *rate)
{
	__u64 now = bucket_now(rate);

	if (!bucket_has_token(bucket, rate, now))
		return false;
	bucket_take_token(bucket, rate, now);
	return true;
}

#endif
