/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The time, to the nanosecond or to a tick of the kernel's timer.
 *
 * Reading the clock costs as much as all else that a limit does. So one packet
 * in each tick (1 to 10 ms) reads it and leaves the time for the others.
 */
#ifndef COREXDP_CLOCK_H
#define COREXDP_CLOCK_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/* Fine enough for a rate of millions; 64 bits of it last for 36 years. */
#define TICKS_PER_NANOSECOND 16
#define TICKS_PER_SECOND (1000000000ULL * TICKS_PER_NANOSECOND)

struct clock_sample {
	__u64 jiffy; /* in which the clock was read */
	__u64 ticks; /* what it said */
};

/* One for all CPUs, so that none is behind another. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct clock_sample);
	__uint(max_entries, 1);
} clock SEC(".maps");

/* Since boot. */
static __always_inline __u64 clock_now(void)
{
	return bpf_ktime_get_ns() * TICKS_PER_NANOSECOND;
}

/*
 * The same, as it was when the timer's tick had its first packet. While that one
 * is being noted, a packet on another CPU may be told the time before it.
 */
static __always_inline __u64 clock_now_coarse(void)
{
	__u64 jiffy = bpf_jiffies64();
	__u32 key = 0;
	struct clock_sample *last = bpf_map_lookup_elem(&clock, &key);
	__u64 now;

	if (!last)
		return clock_now();
	if (*(volatile __u64 *)&last->jiffy == jiffy)
		return *(volatile __u64 *)&last->ticks;
	now = clock_now();
	*(volatile __u64 *)&last->ticks = now;
	*(volatile __u64 *)&last->jiffy = jiffy;
	return now;
}

#endif
