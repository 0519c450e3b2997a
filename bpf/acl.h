/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rule of the access list, and what it makes of a packet. */
#ifndef COREXDP_ACL_H
#define COREXDP_ACL_H

#include "prefix.h"

/* How many prefixes a list may have. */
#define ACL_RULES 262144

enum acl_action {
	ACL_UNLISTED = 0, /* as if no rule spoke of the source */
	ACL_PASS = 1,
	ACL_DROP = 2,
};

/* Any number of a protocol will do; these have names. */
enum acl_protocol {
	ACL_ANY = 0,
	ACL_ICMP = IPPROTO_ICMP,
	ACL_TCP = IPPROTO_TCP,
	ACL_UDP = IPPROTO_UDP,
	ACL_ICMPV6 = IPPROTO_ICMPV6,
};

struct acl_rule {
	enum acl_action action;
	enum acl_protocol protocol;
	__u32 port;
	enum acl_action otherwise;
	__u64 packets;
	__u64 bytes;
	__u64 others;
};

/* What the rule decides, and counts that it did. */
static __always_inline enum acl_action acl_apply(struct acl_rule *rule,
						 const struct packet *packet,
						 __u64 bytes)
{
	if ((rule->protocol && rule->protocol != packet->protocol) ||
	    (rule->port && rule->port != packet->port)) {
		__sync_fetch_and_add(&rule->others, 1);
		return rule->otherwise;
	}
	__sync_fetch_and_add(&rule->packets, 1);
	__sync_fetch_and_add(&rule->bytes, bytes);
	return rule->action;
}

#endif
