/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ports of the DNS server and of its upstream servers. */
#ifndef COREXDP_PORTS_H
#define COREXDP_PORTS_H

#include <stdbool.h>

#include <linux/types.h>

#define DNS_PORT 53
#define DNS_PORTS 4	 /* ports of the server, in a program's settings */
#define UPSTREAM_PORTS 2 /* ports of upstream servers, likewise */

/* First of the ports that clients use, RFC 6335 section 6. */
#define MIN_USER_PORT 1024

/* is_dns_port reads all ports as one number. */
#define DNS_PORTS_ALIGNED __attribute__((aligned(8)))

/*
 * True if `port` is one of `ports`, or is port 53 and all `ports` are 0. A loop
 * with a branch for each port would cost the verifier and the packet more.
 */
static __always_inline bool is_dns_port(const __u16 *ports, __u16 port)
{
	const __u64 lowest = 0x0001000100010001ULL; /* bit of each port */
	__u64 all = *(const __u64 *)ports;
	__u64 differences = all ^ port * lowest;

	if (!all)
		return port == DNS_PORT;
	/* A zero field borrows from its highest bit. Port 0 is no port. */
	return port && (differences - lowest) & ~differences & lowest << 15;
}

/* True if `port` is one of `ports`, or is port 53 and all `ports` are 0. */
static __always_inline bool is_upstream_port(const __u16 *ports, __u16 port)
{
	if (!(ports[0] | ports[1]))
		return port == DNS_PORT;
	return port && (port == ports[0] || port == ports[1]);
}

#endif
