/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parsed headers of a packet, and the cursor that a parser moves. */
#ifndef COREXDP_FRAME_H
#define COREXDP_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct packet {
	__u16 ethertype;   /* ETH_P_*, after VLAN tags and PPPoE; 0: frame too short */
	__u8 version;      /* 4 or 6; 0: no IP packet */
	__u8 protocol;     /* IPPROTO_*, after IPv6 extension headers */
	__u8 hop_limit;    /* IPv4 time to live or IPv6 hop limit */
	bool ip_control;   /* a message that IP needs, see control.h */
	bool plain;        /* no IPv4 options, no IPv6 extension headers */
	bool pppoe;        /* in a PPPoE session */
	bool fragment;     /* any fragment, including the first */
	bool hidden;       /* more IPv6 extension headers than the parser skips */
	__u16 dest_port;   /* of TCP or UDP, host byte order; 0: none */
	__u16 source_port; /* of TCP or UDP, host byte order; 0: none */
	void *ip;          /* IP header; NULL: no IP packet */
	void *transport;   /* TCP or UDP header; NULL: none */
	union {
		__be32 ip4;
		__u64 ip6[2]; /* in network byte order */
	} source;
};

/* The unparsed part of the frame. */
struct cursor {
	void *pos;
	void *data_end;
};

/*
 * Returns `base` plus `offset`; `mask` is a power of two minus one, and no
 * offset exceeds it. The mask shows the verifier an upper bound. It is applied
 * in assembly because the compiler would drop an AND that it knows to be
 * redundant, and verifiers before Linux 5.12 lose the bounds of a scalar that
 * is spilled to the stack.
 */
static __always_inline void *bounded_add(void *base, __u64 offset, __u32 mask)
{
	asm volatile("%[offset] &= %[mask]\n\t"
		     "%[base] += %[offset]"
		     : [base] "+r"(base), [offset] "+r"(offset)
		     : [mask] "i"(mask));
	return base;
}

/* Returns the next `size` bytes; NULL if the frame has fewer. */
static __always_inline void *cursor_pull(struct cursor *cursor, __u32 size)
{
	void *header = cursor->pos;

	if (header + size > cursor->data_end)
		return NULL;
	cursor->pos = header + size;
	return header;
}

#endif
