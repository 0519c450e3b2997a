/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packets that limits and default actions judge.
 *
 *   SCOPE_DNS   packets to the ports of the DNS server, over UDP and TCP. A
 *               machine with a DNS server does more than DNS: it downloads,
 *               forwards, and asks other servers. None of this is judged
 *   SCOPE_ALL   all IP packets. Answers to what the machine itself has asked
 *               are told apart by their ports: from a port of an upstream
 *               server, to port 1024 or above
 *
 * A fragment other than the first has no ports. In SCOPE_DNS it passes: if its
 * first fragment was dropped, the kernel discards it after a timeout, and
 * limits the memory of incomplete packets. DNS over UDP should not need
 * fragments (RFC 9715), but others do. In SCOPE_ALL it is judged.
 */
#ifndef COREXDP_SCOPE_H
#define COREXDP_SCOPE_H

#include "ports.h"
#include "source.h"

/* The map takes 800 kB. A resolver asks few servers at a time. */
#define MAX_REPLY_SOURCES 8192

enum __attribute__((packed)) scope {
	SCOPE_DNS = 0,
	SCOPE_ALL = 1,
};

/* Answers of upstream servers. */
enum __attribute__((packed)) replies {
	REPLIES_PASS = 0,
	REPLIES_LIMIT = 1, /* each source has its own limit */
	REPLIES_JUDGE = 2, /* as all other packets */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct address);
	__type(value, struct bucket);
	__uint(max_entries, MAX_REPLY_SOURCES);
} reply_sources SEC(".maps");

static __always_inline bool is_reply(const struct packet *packet,
				     const __u16 *upstream)
{
	return packet->dest_port >= MIN_USER_PORT &&
	       is_upstream_port(upstream, packet->source_port);
}

/* False if the source is over `rate`, in packets per second. */
static __always_inline bool admit_reply(const struct packet *packet, __u32 rate,
					__u32 burst)
{
	struct address network = source_network(packet, 0, 0);
	struct bucket_rate bucket_rate = bucket_rate_of(rate, burst);
	struct bucket *bucket;

	if (!rate)
		return true;
	bucket = lookup_source_bucket(&reply_sources, &network);
	return !bucket || bucket_admit(bucket, &bucket_rate);
}

#endif
