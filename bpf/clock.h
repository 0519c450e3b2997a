/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Time since boot, exact or as of the current jiffy.
 *
 * Reading the clock costs as much as the rest of a rate limit. So one packet in
 * each jiffy (1 to 10 ms) reads the clock and stores a sample for the others.
 *
 * The unit is the tick, a sixteenth of a nanosecond.
 */
#ifndef COREXDP_CLOCK_H
#define COREXDP_CLOCK_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/*
 * Keeps the rounding error of an interval small at millions of packets per
 * second. 64 bits overflow after 36 years.
 */
#define TICKS_PER_NANOSECOND 16
#define TICKS_PER_SECOND (1000000000ULL * TICKS_PER_NANOSECOND)

struct clock_sample {
	__u64 jiffy; /* in which the sample was taken */
	__u64 ticks; /* since boot */
};

/* One sample for all CPUs, so that all of them have the same time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct clock_sample);
	__uint(max_entries, 1);
} clock SEC(".maps");

/* Ticks since boot. */
static __always_inline __u64 clock_now(void)
{
	return bpf_ktime_get_ns() * TICKS_PER_NANOSECOND;
}

/*
 * Ticks since boot at the first packet of the current jiffy. While one CPU
 * stores this sample, another CPU may still get the previous one.
 */
static __always_inline __u64 clock_now_coarse(void)
{
	__u64 jiffy = bpf_jiffies64();
	__u32 key = 0;
	struct clock_sample *sample = bpf_map_lookup_elem(&clock, &key);
	__u64 now;

	if (!sample)
		return clock_now();
	if (*(volatile __u64 *)&sample->jiffy == jiffy)
		return *(volatile __u64 *)&sample->ticks;
	now = clock_now();
	*(volatile __u64 *)&sample->ticks = now;
	*(volatile __u64 *)&sample->jiffy = jiffy;
	return now;
}

#endif
